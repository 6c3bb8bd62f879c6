"""Kinds of the outbox entries of invoicing, all of them in ``public``."""

from dataclasses import dataclass
from uuid import UUID

from tenants.outbox.kinds import ALERT, NO_MESSAGE, OutboxKind
from tenants.outbox.payloads import NoPayload


@dataclass(frozen=True)
class IssueRequest:
    """The draft to issue; its row is deleted by then, so that the entry needs its reference."""

    draft_ref: UUID


ISSUE = OutboxKind("invoicing.issue", "draft", IssueRequest, NO_MESSAGE)
SEND = OutboxKind("invoicing.send", "invoice", NoPayload, ALERT)
"""One e-mail to the client with its document; staff may send it again."""
