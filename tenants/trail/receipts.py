"""Receipts of erasure, chained at once: what kind of row, under which rule, when; never who."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from tenants.refs import new_ref
from tenants.trail import checkpoints
from tenants.trail.chain import Verdict
from tenants.trail.checkpoints import GENESIS
from tenants.trail.models import Receipt

__all__ = ["Receipt", "of", "verify", "write", "write_many"]


def write(
    *,
    subject_ref: UUID,
    kind: str,
    rule: str,
    fields: str,
    key_fingerprint: str,
    now: datetime,
) -> Receipt:
    """Append one receipt to the chain of the current schema."""
    subjects = [(subject_ref, key_fingerprint)]
    return write_many(subjects=subjects, kind=kind, rule=rule, fields=fields, now=now)[0]


def write_many(
    *,
    subjects: Sequence[tuple[UUID, str]],
    kind: str,
    rule: str,
    fields: str,
    now: datetime,
) -> list[Receipt]:
    """Append a receipt for each (ref of the subject, fingerprint of the destroyed key).

    One writer per schema at a time, until the transaction ends: call it last.
    """
    _wait_for_the_chain()
    prev = _last_hash()
    made: list[Receipt] = []
    for subject_ref, key_fingerprint in subjects:
        receipt = Receipt(
            ref=new_ref(),
            subject_ref=subject_ref,
            kind=kind,
            rule=rule,
            fields=fields,
            key_fingerprint=key_fingerprint,
            at=now,
            prev_hash=prev,
        )
        receipt.hash = prev = digest(prev, receipt)
        made.append(receipt)
    return Receipt.objects.bulk_create(made)


def of(subject_ref: UUID) -> Receipt | None:
    """Return the receipt of an erased row, for the page behind its link; None if not erased."""
    return Receipt.objects.filter(subject_ref=subject_ref).order_by("-id").first()


def digest(prev_hash: bytes, receipt: Receipt) -> bytes:
    """Return sha256(previous hash + everything that the receipt says)."""
    said = (
        receipt.ref.hex,
        receipt.subject_ref.hex,
        receipt.kind,
        receipt.rule,
        receipt.fields,
        receipt.key_fingerprint,
        receipt.at.astimezone(UTC).isoformat(),
    )
    return hashlib.sha256(prev_hash + "|".join(said).encode()).digest()


def verify() -> Verdict:
    """Walk the receipts of the current schema: an altered or reordered one breaks the chain."""
    first = Receipt.objects.order_by("id").first()
    begun = checkpoints.beginning("receipts", bytes(first.prev_hash) if first else None)
    if begun is None:
        return Verdict(links=0, broken_at=first.pk if first else 0)
    prev, links = begun
    for receipt in Receipt.objects.order_by("id").iterator():
        if bytes(receipt.prev_hash) != prev or bytes(receipt.hash) != digest(prev, receipt):
            return Verdict(links=links, broken_at=receipt.pk)
        prev, links = bytes(receipt.hash), links + 1
    return Verdict(links=links, broken_at=None, head=prev)


def _wait_for_the_chain() -> None:
    # Advisory locks are shared by all tenants: the key names the schema.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.receipts'))")


def _last_hash() -> bytes:
    last = Receipt.objects.order_by("-id").values_list("hash", flat=True).first()
    if last is not None:
        return bytes(last)
    begun = checkpoints.beginning("receipts", None)
    return GENESIS if begun is None else begun[0]
