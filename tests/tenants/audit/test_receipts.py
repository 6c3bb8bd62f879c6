"""Erasure receipts: chained, without personal data; a changed receipt is detected."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from tenants.audit import receipts
from tenants.audit.checkpoints import GENESIS
from tenants.audit.models import Receipt
from tenants.schema import Unit, inside
from tests.conftest import owner_cursor

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


def write(count: int = 1, now: datetime = NOW) -> list[Receipt]:
    subjects = [(uuid.uuid4(), "ab" * 32) for _ in range(count)]
    return receipts.write_many(
        subjects=subjects, kind="booking_patientcontact", rule="B-21 due", fields="sealed", now=now
    )


def test_receipts_follow_one_another_across_calls(tenant: Unit) -> None:
    first, second = write(2)
    (third,) = write()

    assert first.prev_hash == GENESIS
    assert [second.prev_hash, third.prev_hash] == [first.hash, second.hash]
    assert receipts.verify().is_intact
    assert receipts.verify().links == 3


def test_an_instant_in_another_zone_verifies(tenant: Unit) -> None:
    write(now=NOW.astimezone(timezone(timedelta(hours=4))))

    assert receipts.verify().is_intact


def test_a_receipt_is_found_by_the_ref_of_its_subject(tenant: Unit) -> None:
    (receipt,) = write()

    found = receipts.find(receipt.subject_ref)

    assert found == receipt
    assert receipts.find(uuid.uuid4()) is None


def test_the_database_refuses_a_second_successor(tenant: Unit) -> None:
    (receipt,) = write()

    with pytest.raises(IntegrityError), transaction.atomic():
        Receipt.objects.create(
            subject_ref=uuid.uuid4(), at=NOW, prev_hash=receipt.prev_hash, hash=b"x" * 32
        )


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE {}.audit_receipt SET rule = 'other' WHERE id = %s",
        "UPDATE {}.audit_receipt SET kind = 'other' WHERE id = %s",
        "UPDATE {}.audit_receipt SET fields = '' WHERE id = %s",
        "UPDATE {}.audit_receipt SET key_fingerprint = '' WHERE id = %s",
        "UPDATE {}.audit_receipt SET ref = gen_random_uuid() WHERE id = %s",
        "UPDATE {}.audit_receipt SET subject_ref = gen_random_uuid() WHERE id = %s",
        "UPDATE {}.audit_receipt SET at = at + interval '1 second' WHERE id = %s",
        "UPDATE {}.audit_receipt SET hash = decode(repeat('00', 32), 'hex') WHERE id = %s",
        "DELETE FROM {}.audit_receipt WHERE id = %s",
    ],
)
def test_a_changed_receipt_breaks_the_chain(committed_tenant, tampering: str) -> None:
    unit = committed_tenant("receipts")
    with inside(unit):
        _first, second, _third = write(3)

    call_command("verify_receipts", stdout=StringIO())
    with owner_cursor() as cursor:
        cursor.execute(tampering.format(unit.schema), [second.pk])

    out = StringIO()
    with pytest.raises(CommandError, match="1 broken"):
        call_command("verify_receipts", stdout=out)
    assert f"{unit.schema} receipts: 1 links, BROKEN" in out.getvalue()
