"""The chain over audit events, keyed by the tenant: appends seals to it and verifies it.

A link is a code (HMAC) under a key that is derived from the tenant's key: who can write to the database and has
no KEK cannot compute one. Wrapping the tenant's key anew leaves the derived key, and the chain, as they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from tenants.audit import checkpoints
from tenants.audit.chain_heads import Recorded
from tenants.audit.checkpoints import GENESIS
from tenants.audit.models import AuditEvent, AuditSeal
from tenants.keyring import services as keyring

BATCH = 1_000
PURPOSE = "audit.events"


def link_code(prev_hash: bytes, event: AuditEvent) -> bytes:
    """Return the code of previous hash, id, actor, verb, ref and instant of the event, under the tenant's key."""
    body = f"{event.pk}|{event.actor}|{event.verb}|{event.ref.hex}|{event.at.isoformat()}"
    return keyring.tenant_cipher().mac(PURPOSE, prev_hash + body.encode())


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
        code = link_code(prev, event)
        seals.append(AuditSeal(event_id=event.pk, prev_hash=prev, hash=code))
        prev = code
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


@dataclass(frozen=True)
class Link:
    """One stored link: the id that a report names, both stored hashes, and the code that the row should have.

    ``expected`` is None when the row of the link is missing.
    """

    number: int
    prev_hash: bytes
    hash: bytes
    expected: bytes | None


@dataclass(frozen=True)
class Verdict:
    """The result of verifying a chain: number of links since genesis, id of the first broken one, last hash.

    ``differs_at`` is the number of links of the recorded head when another hash stands at its place.
    """

    links: int
    broken_at: int | None
    head: bytes = GENESIS
    differs_at: int | None = None

    @property
    def is_intact(self) -> bool:
        """Whether no link is broken and the recorded head stands at its place."""
        return self.broken_at is None and self.differs_at is None


def verify_events(recorded: Recorded | None = None) -> Verdict:
    """Verify the chain of events inside a unit: an altered, removed or reordered event breaks it."""
    recorded = recorded or Recorded()
    rows = AuditSeal.objects.order_by("id")
    if recorded.rekeyed is not None:
        known = rows.filter(hash=recorded.rekeyed.last_hash).first()
        rows = rows.filter(pk__gt=known.pk) if known else rows
    first = rows.first()
    start = checkpoints.chain_start("events", bytes(first.prev_hash) if first else None, recorded)
    if start is None:
        return Verdict(links=0, broken_at=first.event_id if first else 0)
    events = {event.pk: event for event in AuditEvent.objects.iterator()}
    return verify_links((_link(seal, events) for seal in rows.iterator()), start, recorded)


def verify_links(links: Iterable[Link], start: tuple[bytes, int], recorded: Recorded) -> Verdict:
    """Verify links that follow ``start`` (hash, number of links before), and the recorded head at its place."""
    prev, count = start
    noted = recorded.head
    differs_at: int | None = None
    if noted is not None and noted.links == count and noted.last_hash != prev:
        differs_at = count
    for link in links:
        if link.expected is None or link.prev_hash != prev or link.hash != link.expected:
            return Verdict(links=count, broken_at=link.number)
        prev, count = link.hash, count + 1
        if noted is not None and noted.links == count and noted.last_hash != prev:
            differs_at = count
    return Verdict(links=count, broken_at=None, head=prev, differs_at=differs_at)


def _link(seal: AuditSeal, events: dict[int, AuditEvent]) -> Link:
    event, prev = events.get(seal.event_id), bytes(seal.prev_hash)
    expected = None if event is None else link_code(prev, event)
    return Link(seal.event_id, prev, bytes(seal.hash), expected)


def _empty_chain_hash() -> bytes:
    start = checkpoints.chain_start("events", None)
    return GENESIS if start is None else start[0]
