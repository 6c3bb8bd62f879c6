"""Where a chain begins once its oldest links are gone: acts and receipts are kept for twelve months (B-27).

A worker signs the last link that may go, under the tenant's key; only the owner's login can delete, and
deletes only what is signed and old (``tenants/provisioning/pruning.py``).
"""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Min, QuerySet

from tenants.keyring import services as keyring
from tenants.trail.models import Act, ActSeal, Checkpoint, Receipt

KEPT = timedelta(days=365)
GENESIS = bytes(32)
PURPOSE = "trail.checkpoint"


def sign_past(*, now: datetime) -> int:
    """Sign where each chain may begin from now on; return how many checkpoints were written."""
    return _sign(Checkpoint.Chain.ACTS, now=now) + _sign(Checkpoint.Chain.RECEIPTS, now=now)


def beginning(chain: str, first_prev: bytes | None) -> tuple[bytes, int] | None:
    """Return the hash before the first link that stands, and how many links came before it.

    ``first_prev`` is what that link names as the one before it, None when no link stands. None: nothing
    signed says that the chain may begin there, so links were cut from its beginning.
    """
    if first_prev == GENESIS:
        return GENESIS, 0
    signed = [one for one in Checkpoint.objects.filter(chain=chain).order_by("-id") if is_ours(one)]
    if first_prev is None:
        return (bytes(signed[0].last_hash), signed[0].links) if signed else (GENESIS, 0)
    for one in signed:
        if bytes(one.last_hash) == first_prev:
            return first_prev, one.links
    return None


def is_ours(checkpoint: Checkpoint) -> bool:
    """Return whether it was signed under the key of this tenant, and says what was signed."""
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
    """Return the last link of the unbroken run of old ones: its id, its hash, and how many there are."""
    rows: QuerySet[Any]
    if chain == Checkpoint.Chain.ACTS:
        young = Act.objects.filter(at__gte=before).values("pk")
        rows = ActSeal.objects.all()
        first_young = rows.filter(act_id__in=young).aggregate(first=Min("pk"))["first"]
    else:
        rows = Receipt.objects.all()
        first_young = rows.filter(at__gte=before).aggregate(first=Min("pk"))["first"]
    old = rows.filter(pk__gt=after)
    if first_young is not None:
        old = old.filter(pk__lt=first_young)
    last = old.order_by("-pk").first()
    return (last.pk, bytes(last.hash), old.count()) if last else None


def _signature(checkpoint: Checkpoint) -> bytes:
    said = "|".join(
        (
            checkpoint.chain,
            str(checkpoint.last_id),
            bytes(checkpoint.last_hash).hex(),
            str(checkpoint.links),
            checkpoint.at.astimezone(UTC).isoformat(),
        )
    )
    return keyring.tenant_cipher().mac(PURPOSE, said.encode())
