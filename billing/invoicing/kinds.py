"""Kinds of the outbox entries of invoicing, all of them in ``public``."""

from dataclasses import dataclass
from uuid import UUID

from tenants.outbox.kinds import NO_MESSAGE, OutboxKind


@dataclass(frozen=True)
class IssueRequest:
    """The draft to issue; its row is deleted by then, so that the entry needs its reference."""

    draft_ref: UUID


ISSUE = OutboxKind("invoicing.issue", "draft", IssueRequest, NO_MESSAGE)
