"""Kinds of the outbox entries of clients, all of them in ``public`` and about a row of ``Tenant``."""

from dataclasses import dataclass

from tenants.outbox.kinds import OutboxKind
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

SEED = OutboxKind("clients.seed", TENANT, NoPayload)
CHECK = OutboxKind("clients.check", TENANT, CheckRequest)
INVITE = OutboxKind("clients.invite", TENANT, InvitationChange)
SUSPENDED = OutboxKind("clients.suspended", TENANT, NoPayload)
OPENED = OutboxKind("clients.opened", TENANT, NoPayload)
"""One e-mail to the owner: the site takes bookings."""
RESUMED = OutboxKind("clients.resumed", TENANT, NoPayload)
