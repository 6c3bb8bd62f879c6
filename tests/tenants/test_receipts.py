"""Receipts of erasure: chained, without anybody in them, and telling when one was touched."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from tenants.schema import Unit, inside
from tenants.trail import receipts
from tenants.trail.checkpoints import GENESIS
from tenants.trail.models import Receipt
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


def test_an_instant_in_another_zone_verifies_all_the_same(tenant: Unit) -> None:
    write(now=NOW.astimezone(timezone(timedelta(hours=4))))

    assert receipts.verify().is_intact


def test_a_receipt_is_found_by_what_it_erased(tenant: Unit) -> None:
    (receipt,) = write()

    found = receipts.of(receipt.subject_ref)

    assert found == receipt
    assert receipts.of(uuid.uuid4()) is None


def test_the_database_refuses_a_second_successor(tenant: Unit) -> None:
    (receipt,) = write()

    with pytest.raises(IntegrityError), transaction.atomic():
        Receipt.objects.create(
            subject_ref=uuid.uuid4(), at=NOW, prev_hash=receipt.prev_hash, hash=b"x" * 32
        )


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE {}.trail_receipt SET rule = 'other' WHERE id = %s",
        "UPDATE {}.trail_receipt SET kind = 'other' WHERE id = %s",
        "UPDATE {}.trail_receipt SET fields = '' WHERE id = %s",
        "UPDATE {}.trail_receipt SET key_fingerprint = '' WHERE id = %s",
        "UPDATE {}.trail_receipt SET ref = gen_random_uuid() WHERE id = %s",
        "UPDATE {}.trail_receipt SET subject_ref = gen_random_uuid() WHERE id = %s",
        "UPDATE {}.trail_receipt SET at = at + interval '1 second' WHERE id = %s",
        "UPDATE {}.trail_receipt SET hash = decode(repeat('00', 32), 'hex') WHERE id = %s",
        "DELETE FROM {}.trail_receipt WHERE id = %s",
    ],
)
def test_touching_a_receipt_breaks_the_chain(committed_tenant, tampering: str) -> None:
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
