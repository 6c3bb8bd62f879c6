"""The clocks of a mandate, with days worked out by hand (F-42, F-43)."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sepa.mandate_clock import (
    MandateDays,
    account_destroyed_on,
    contestable_until,
    lapses_on,
    may_collect,
    proof_deleted_on,
    refundable_until,
)

DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2036, 12, 31))


def day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def mandate(
    signed: str, due: str | None = None, collected: str | None = None, ended: str | None = None
) -> MandateDays:
    return MandateDays(dt.date.fromisoformat(signed), day(due), day(collected), day(ended))


@pytest.mark.parametrize(
    ("signed", "due", "lapse"),
    [
        ("2026-12-01", None, "2029-12-01"),
        ("2026-12-01", "2027-01-05", "2030-01-05"),
        ("2024-02-29", None, "2027-02-28"),
        ("2026-12-01", "2028-02-29", "2031-02-28"),
    ],
)
def test_a_mandate_lapses_after_three_years_without_collection(
    signed: str, due: str | None, lapse: str
) -> None:
    found = mandate(signed, due)

    assert lapses_on(found) == day(lapse)
    assert may_collect(found, lapses_on(found) - dt.timedelta(days=1))
    assert not may_collect(found, lapses_on(found))


def test_a_rejected_collection_counts_for_the_three_years() -> None:
    assert lapses_on(mandate("2026-12-01", due="2027-06-01", collected="2027-01-04")) == dt.date(
        2030, 6, 1
    )


@pytest.mark.parametrize(
    ("due_on", "may"),
    [("2026-11-30", False), ("2026-12-01", True), ("2027-02-28", True), ("2027-03-01", False)],
)
def test_a_mandate_collects_from_its_signature_to_its_end(due_on: str, may: bool) -> None:
    found = mandate("2026-12-01", ended="2027-03-01")

    assert may_collect(found, dt.date.fromisoformat(due_on)) is may


@pytest.mark.parametrize(
    ("collected", "ended", "destroyed", "deleted"),
    [
        (None, None, None, None),
        ("2027-01-05", None, None, None),
        (None, "2027-03-01", "2027-03-01", "2027-03-01"),
        ("2027-01-05", "2027-03-01", "2028-02-05", "2028-03-05"),
        ("2027-01-31", "2027-03-01", "2028-02-29", "2028-03-31"),
        ("2027-01-05", "2030-01-05", "2030-01-05", "2030-01-05"),
    ],
)
def test_the_account_is_destroyed_thirteen_months_after_the_last_collection(
    collected: str | None, ended: str | None, destroyed: str | None, deleted: str | None
) -> None:
    found = mandate("2026-12-01", due=collected, collected=collected, ended=ended)

    assert account_destroyed_on(found) == day(destroyed)
    assert proof_deleted_on(found) == day(deleted)


@given(DAYS, DAYS)
def test_the_account_outlives_each_right_to_contest(collected: dt.date, ended: dt.date) -> None:
    found = MandateDays(dt.date(2023, 1, 1), collected, collected, ended)
    destroyed, deleted = account_destroyed_on(found), proof_deleted_on(found)

    assert destroyed is not None
    assert deleted is not None
    assert destroyed >= max(ended, contestable_until(collected)) > refundable_until(collected) or (
        destroyed == ended
    )
    assert deleted >= destroyed


def test_refunds_have_their_days() -> None:
    assert refundable_until(dt.date(2026, 12, 15)) == dt.date(2027, 2, 9)
    assert contestable_until(dt.date(2026, 12, 15)) == dt.date(2028, 1, 15)
