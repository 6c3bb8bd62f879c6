"""The hash chain over audit events: appends seals to it and verifies it."""

import hashlib
from dataclasses import dataclass

from django.db import connection

from tenants.audit import checkpoints
from tenants.audit.checkpoints import GENESIS
from tenants.audit.models import AuditEvent, AuditSeal

BATCH = 1_000


def digest(prev_hash: bytes, event: AuditEvent) -> bytes:
    """Return sha256(previous hash + id, actor, verb, ref and instant of the event)."""
    body = f"{event.pk}|{event.actor}|{event.verb}|{event.ref.hex}|{event.at.isoformat()}"
    return hashlib.sha256(prev_hash + body.encode()).digest()


def seal_events() -> int:
    """Seal at most ``BATCH`` events that have no seal, inside a unit; return the number of seals.

    The chain follows the order of sealing, not of ids: the next call seals events of transactions that
    commit later. Returns 0 while another process seals the same schema.
    """
    with connection.cursor() as cursor:
        # One sealer per schema at a time; advisory locks are shared by all tenants, so the key names the schema.
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || '.audit'))")
        if not cursor.fetchone()[0]:
            return 0
    last = AuditSeal.objects.order_by("-id").values_list("hash", flat=True).first()
    prev = bytes(last) if last is not None else _empty_chain_hash()
    unsealed = AuditEvent.objects.exclude(pk__in=AuditSeal.objects.values("event_id")).order_by(
        "pk"
    )[:BATCH]
    seals = []
    for event in unsealed:
        link = digest(prev, event)
        seals.append(AuditSeal(event_id=event.pk, prev_hash=prev, hash=link))
        prev = link
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


@dataclass(frozen=True)
class Verdict:
    """The result of verifying a chain: number of links since genesis, id of the first broken one, last hash."""

    links: int
    broken_at: int | None
    head: bytes = GENESIS

    @property
    def is_intact(self) -> bool:
        """Whether no link is broken."""
        return self.broken_at is None


def verify_events() -> Verdict:
    """Verify the chain of events inside a unit: an altered, removed or reordered event breaks it."""
    events = {event.pk: event for event in AuditEvent.objects.iterator()}
    first = AuditSeal.objects.order_by("id").first()
    start = checkpoints.chain_start("events", bytes(first.prev_hash) if first else None)
    if start is None:
        return Verdict(links=0, broken_at=first.event_id if first else 0)
    prev, links = start
    for seal in AuditSeal.objects.order_by("id").iterator():
        event = events.get(seal.event_id)
        if (
            event is None
            or bytes(seal.prev_hash) != prev
            or bytes(seal.hash) != digest(prev, event)
        ):
            return Verdict(links=links, broken_at=seal.event_id)
        prev, links = bytes(seal.hash), links + 1
    return Verdict(links=links, broken_at=None, head=prev)


def _empty_chain_hash() -> bytes:
    start = checkpoints.chain_start("events", None)
    return GENESIS if start is None else start[0]
