"""Signed checkpoints: where a chain starts once its oldest links are pruned, after twelve months (B-27).

A worker signs the last link that may be pruned, with the tenant's key. Only the owner's login can delete,
and it deletes only signed links of that age (``tenants/provisioning/audit_pruning.py``).
"""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Min, QuerySet

from tenants.audit.chain_heads import Recorded
from tenants.audit.models import (
    AuditEvent,
    AuditSeal,
    Checkpoint,
    Receipt,
)
from tenants.keyring import services as keyring

KEPT = timedelta(days=365)
GENESIS = bytes(32)
PURPOSE = "audit.checkpoint"


def sign_past(*, now: datetime) -> int:
    """Write a checkpoint for each chain with links older than twelve months; return how many were written."""
    return _sign(Checkpoint.Chain.EVENTS, now=now) + _sign(Checkpoint.Chain.RECEIPTS, now=now)


def chain_start(
    chain: str, first_prev: bytes | None, recorded: Recorded | None = None
) -> tuple[bytes, int] | None:
    """Return the hash before the first link to verify, and the number of links before it.

    ``first_prev`` is the previous hash of that link, None when there is none. Returns None when nothing allows
    the chain to start there, neither an authentic checkpoint nor a recorded head at which its key changed:
    links were removed at its start.
    """
    rekeyed = recorded.rekeyed if recorded else None
    if rekeyed is not None and first_prev == rekeyed.last_hash:
        return rekeyed.last_hash, rekeyed.links
    if first_prev == GENESIS:
        return GENESIS, 0
    signed = [
        checkpoint
        for checkpoint in Checkpoint.objects.filter(chain=chain).order_by("-id")
        if is_authentic(checkpoint)
    ]
    if first_prev is None:
        if rekeyed is not None and (not signed or signed[0].links < rekeyed.links):
            return rekeyed.last_hash, rekeyed.links
        return (bytes(signed[0].last_hash), signed[0].links) if signed else (GENESIS, 0)
    for checkpoint in signed:
        if bytes(checkpoint.last_hash) == first_prev:
            return first_prev, checkpoint.links
    return None


def count_links(chain: str) -> int:
    """Return the number of links of a chain since genesis, pruned ones included, without verifying any."""
    latest = Checkpoint.objects.filter(chain=chain).order_by("-last_id").first()
    rows: QuerySet[Any] = (
        AuditSeal.objects.all() if chain == Checkpoint.Chain.EVENTS else Receipt.objects.all()
    )
    if latest is None:
        return rows.count()
    return latest.links + rows.filter(pk__gt=latest.last_id).count()


def is_authentic(checkpoint: Checkpoint) -> bool:
    """Return whether this tenant's key signed the checkpoint with its present values."""
    return hmac.compare_digest(bytes(checkpoint.signature), _signature(checkpoint))


def _sign(chain: str, *, now: datetime) -> int:
    latest = Checkpoint.objects.filter(chain=chain).order_by("-last_id").first()
    after = latest.last_id if latest else 0
    found = _last_old(chain, after=after, before=now - KEPT)
    if found is None:
        return 0
    last_id, last_hash, count = found
    checkpoint = Checkpoint(
        chain=chain,
        last_id=last_id,
        last_hash=last_hash,
        links=count + (latest.links if latest else 0),
        at=now,
    )
    checkpoint.signature = _signature(checkpoint)
    checkpoint.save(force_insert=True)
    return 1


def _last_old(chain: str, *, after: int, before: datetime) -> tuple[int, bytes, int] | None:
    """Return id and hash of the last link before the first young one, and the number of links up to it.

    Counts links with an id above ``after``; a link is young when its instant is not before ``before``.
    """
    rows: QuerySet[Any]
    if chain == Checkpoint.Chain.EVENTS:
        young = AuditEvent.objects.filter(at__gte=before).values("pk")
        rows = AuditSeal.objects.all()
        first_young = rows.filter(event_id__in=young).aggregate(first=Min("pk"))["first"]
    else:
        rows = Receipt.objects.all()
        first_young = rows.filter(at__gte=before).aggregate(first=Min("pk"))["first"]
    old = rows.filter(pk__gt=after)
    if first_young is not None:
        old = old.filter(pk__lt=first_young)
    last = old.order_by("-pk").first()
    return (last.pk, bytes(last.hash), old.count()) if last else None


def _signature(checkpoint: Checkpoint) -> bytes:
    signed = "|".join(
        (
            checkpoint.chain,
            str(checkpoint.last_id),
            bytes(checkpoint.last_hash).hex(),
            str(checkpoint.links),
            checkpoint.at.astimezone(UTC).isoformat(),
        )
    )
    return keyring.tenant_cipher().mac(PURPOSE, signed.encode())
