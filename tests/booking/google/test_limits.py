"""Quotas are kept, and Google is left alone while it is ill, and only then."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from booking.google_calendar import Unavailable
from booking.services.google import limits
from tenants import counters

SCHEMA = "t_limits"


class Counted:
    """The counters of one test: nobody else's, and forgotten with it."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def count(
        self, seconds_by_key: dict[str, int], *, look_at: tuple[str, ...] = ()
    ) -> dict[str, int]:
        for key in seconds_by_key:
            self.values[key] = self.values.get(key, 0) + 1
        return {key: self.values.get(key, 0) for key in (*seconds_by_key, *look_at)}


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Replace what many processes share."""
    made = Counted()
    monkeypatch.setattr(counters, "count", made.count)
    return made


NOON = datetime(2026, 11, 24, 12, 0, 10, tzinfo=UTC)


def call(account: uuid.UUID | None = None, *, now: datetime = NOON) -> None:
    limits.pass_or_wait(schema=SCHEMA, account=account or uuid.uuid4(), now=now)


def test_an_account_waits_for_the_next_minute_at_its_limit() -> None:
    account = uuid.uuid4()
    for _ in range(limits.PER_ACCOUNT):
        call(account)

    with pytest.raises(Unavailable, match="quota") as refusal:
        call(account)

    assert refusal.value.after == timedelta(seconds=50)
    call()  # nobody else waits
    call(account, now=NOON + timedelta(minutes=1))


def test_while_most_calls_fail_everybody_waits() -> None:
    for _ in range(limits.FAULTS_TO_BREAK):
        call()
        limits.count_fault(now=NOON)

    with pytest.raises(Unavailable, match="breaker"):
        call()


def test_while_some_calls_fail_nobody_waits() -> None:
    for _ in range(limits.FAULTS_TO_BREAK):
        call()
        call()
        limits.count_fault(now=NOON)

    call()


def test_the_faults_of_a_minute_are_no_share_of_the_next_ones_calls() -> None:
    for _ in range(limits.FAULTS_TO_BREAK):
        call()
        call()
        limits.count_fault(now=NOON)

    call(now=NOON + timedelta(minutes=1))


def test_without_the_counters_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(counters, "count", away)

    call()
    limits.count_fault(now=NOON)
