"""Sealing acts into the chain, and verifying it."""

import hashlib
from dataclasses import dataclass

from django.db import connection

from tenants.trail.models import Act, ActSeal

GENESIS = bytes(32)
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
    prev = bytes(last) if last is not None else GENESIS
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
    """What verifying a chain found: how many links, and the first broken one."""

    links: int
    broken_at: int | None

    @property
    def is_intact(self) -> bool:
        """Whether no link is broken."""
        return self.broken_at is None


def verify_acts() -> Verdict:
    """Walk the chain of acts inside a unit: an altered, removed or reordered act breaks it."""
    acts = {act.pk: act for act in Act.objects.iterator()}
    prev, links = GENESIS, 0
    for seal in ActSeal.objects.order_by("id").iterator():
        act = acts.get(seal.act_id)
        if act is None or bytes(seal.prev_hash) != prev or bytes(seal.hash) != digest(prev, act):
            return Verdict(links=links, broken_at=seal.act_id)
        prev, links = bytes(seal.hash), links + 1
    return Verdict(links=links, broken_at=None)
