"""Kinds of the outbox entries of orders, all of them in ``public``."""

from tenants.outbox.kinds import ALERT, OutboxKind
from tenants.outbox.payloads import NoPayload

OFFERED = OutboxKind("orders.offered", "order", NoPayload, ALERT)
"""One e-mail to the signatory with the link to read and sign; staff may send it again."""
SIGNED = OutboxKind("orders.signed", "order", NoPayload, ALERT)
"""The acknowledgement of a signed order, with its PDF (C. civ. 1127-2)."""
