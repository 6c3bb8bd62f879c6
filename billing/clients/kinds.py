"""Kinds of the outbox entries of clients, all of them in ``public`` and about a row of ``Tenant``."""

from dataclasses import dataclass

from tenants.outbox.kinds import ALERT, NO_MESSAGE, OutboxKind
from tenants.outbox.payloads import NoPayload


@dataclass(frozen=True)
class CheckRequest:
    """Whether the site opens when all go-live checks are met, or their results are only recorded."""

    goes_live: bool


@dataclass(frozen=True)
class InvitationChange:
    """Whether the owner's link is closed, or replaced by a new one."""

    is_withdrawal: bool


TENANT = "tenant"

SEED = OutboxKind("clients.seed", TENANT, NoPayload, NO_MESSAGE)
CHECK = OutboxKind("clients.check", TENANT, CheckRequest, NO_MESSAGE)
INVITE = OutboxKind("clients.invite", TENANT, InvitationChange, NO_MESSAGE)
SUSPENDED = OutboxKind("clients.suspended", TENANT, NoPayload, ALERT)
OPENED = OutboxKind("clients.opened", TENANT, NoPayload, ALERT)
"""One e-mail to the owner: the site takes bookings."""
RESUMED = OutboxKind("clients.resumed", TENANT, NoPayload, ALERT)
