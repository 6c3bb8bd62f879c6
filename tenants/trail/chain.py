"""Sealing acts into the chain, and verifying it."""

import hashlib
from dataclasses import dataclass

from django.db import connection

from tenants.trail import checkpoints
from tenants.trail.checkpoints import GENESIS
from tenants.trail.models import Act, ActSeal

BATCH = 1_000


def digest(prev_hash: bytes, act: Act) -> bytes:
    """Return sha256(previous hash + what the act says)."""
    body = f"{act.pk}|{act.actor}|{act.verb}|{act.ref.hex}|{act.at.isoformat()}"
    return hashlib.sha256(prev_hash + body.encode()).digest()


def seal_acts() -> int:
    """Append the acts that have no seal yet to the chain, inside a unit; return how many.

    Acts of transactions that commit later are found by the next call: the order of the chain is the
    order of sealing, not of ids.
    """
    with connection.cursor() as cursor:
        # One sealer per schema at a time; advisory locks are shared by all tenants, so name the schema.
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || '.trail'))")
        if not cursor.fetchone()[0]:
            return 0
    last = ActSeal.objects.order_by("-id").values_list("hash", flat=True).first()
    prev = bytes(last) if last is not None else _before_nothing()
    unsealed = Act.objects.exclude(pk__in=ActSeal.objects.values("act_id")).order_by("pk")[:BATCH]
    seals = []
    for act in unsealed:
        link = digest(prev, act)
        seals.append(ActSeal(act_id=act.pk, prev_hash=prev, hash=link))
        prev = link
    ActSeal.objects.bulk_create(seals)
    return len(seals)


@dataclass(frozen=True)
class Verdict:
    """What verifying a chain found: how many links ever, the first broken one, and the last hash."""

    links: int
    broken_at: int | None
    head: bytes = GENESIS

    @property
    def is_intact(self) -> bool:
        """Whether no link is broken."""
        return self.broken_at is None


def verify_acts() -> Verdict:
    """Walk the chain of acts inside a unit: an altered, removed or reordered act breaks it."""
    acts = {act.pk: act for act in Act.objects.iterator()}
    first = ActSeal.objects.order_by("id").first()
    begun = checkpoints.beginning("acts", bytes(first.prev_hash) if first else None)
    if begun is None:
        return Verdict(links=0, broken_at=first.act_id if first else 0)
    prev, links = begun
    for seal in ActSeal.objects.order_by("id").iterator():
        act = acts.get(seal.act_id)
        if act is None or bytes(seal.prev_hash) != prev or bytes(seal.hash) != digest(prev, act):
            return Verdict(links=links, broken_at=seal.act_id)
        prev, links = bytes(seal.hash), links + 1
    return Verdict(links=links, broken_at=None, head=prev)


def _before_nothing() -> bytes:
    begun = checkpoints.beginning("acts", None)
    return GENESIS if begun is None else begun[0]
