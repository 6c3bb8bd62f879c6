"""Erasure receipts: kind of row, rule and instant, never a person; each is chained when it is written.

The links are codes under the tenant's key, as those of the audit events (``chain``).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from tenants.audit import checkpoints
from tenants.audit.chain import Link, Verdict, verify_links
from tenants.audit.chain_heads import Recorded
from tenants.audit.checkpoints import GENESIS
from tenants.audit.models import Receipt
from tenants.keyring import services as keyring
from tenants.refs import new_ref

PURPOSE = "audit.receipts"

__all__ = ["Receipt", "find", "newest_first", "verify", "write", "write_many"]


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

    Locks the chain of the schema until the transaction ends: callers write receipts last.
    """
    _lock_chain()
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
        receipt.hash = prev = link_code(prev, receipt)
        made.append(receipt)
    return Receipt.objects.bulk_create(made)


def find(subject_ref: UUID) -> Receipt | None:
    """Return the latest receipt of the row with this ref; None when the row was not erased."""
    return Receipt.objects.filter(subject_ref=subject_ref).order_by("-id").first()


def newest_first() -> QuerySet[Receipt]:
    """Return the receipts of the current schema, the newest first."""
    return Receipt.objects.order_by("-id")


def link_code(prev_hash: bytes, receipt: Receipt) -> bytes:
    """Return the code of previous hash and every field of the receipt, under the tenant's key."""
    fields = (
        receipt.ref.hex,
        receipt.subject_ref.hex,
        receipt.kind,
        receipt.rule,
        receipt.fields,
        receipt.key_fingerprint,
        receipt.at.astimezone(UTC).isoformat(),
    )
    return keyring.tenant_cipher().mac(PURPOSE, prev_hash + "|".join(fields).encode())


def verify(recorded: Recorded | None = None) -> Verdict:
    """Verify the receipts of the current schema: an altered, removed or reordered one breaks the chain."""
    recorded = recorded or Recorded()
    rows = Receipt.objects.order_by("id")
    if recorded.rekeyed is not None:
        known = rows.filter(hash=recorded.rekeyed.last_hash).first()
        rows = rows.filter(pk__gt=known.pk) if known else rows
    first = rows.first()
    start = checkpoints.chain_start("receipts", bytes(first.prev_hash) if first else None, recorded)
    if start is None:
        return Verdict(links=0, broken_at=first.pk if first else 0)
    return verify_links(map(_link, rows.iterator()), start, recorded)


def _link(receipt: Receipt) -> Link:
    prev = bytes(receipt.prev_hash)
    return Link(receipt.pk, prev, bytes(receipt.hash), link_code(prev, receipt))


def _lock_chain() -> None:
    # Advisory locks are shared by all tenants: the key names the schema.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.receipts'))")


def _last_hash() -> bytes:
    last = Receipt.objects.order_by("-id").values_list("hash", flat=True).first()
    if last is not None:
        return bytes(last)
    start = checkpoints.chain_start("receipts", None)
    return GENESIS if start is None else start[0]
