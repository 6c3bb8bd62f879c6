"""Quotas count each request, and the circuit breaker stops requests only while Google has a fault."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from booking.google import limits, names
from booking.google.calendar_api import Unavailable
from booking.models import GoogleAccount
from tenants import rate_counters
from tenants.schema import inside
from tests.booking.google.practices import MONDAY, LinkedPractice
from tests.fakes.google import KNOWN

SCHEMA = "t_limits"


class FakeCounters:
    """Counters in the memory of one test."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def count(
        self, seconds_by_key: dict[str, int], *, read_keys: tuple[str, ...] = ()
    ) -> dict[str, int]:
        for key in seconds_by_key:
            self.values[key] = self.values.get(key, 0) + 1
        return {key: self.values.get(key, 0) for key in (*seconds_by_key, *read_keys)}


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> FakeCounters:
    """Replace the shared rate counters in Redis."""
    made = FakeCounters()
    monkeypatch.setattr(rate_counters, "count", made.count)
    return made


NOON = datetime(2026, 11, 24, 12, 0, 10, tzinfo=UTC)


def call(account: uuid.UUID | None = None, *, now: datetime = NOON) -> None:
    limits.count_request(schema=SCHEMA, account=account or uuid.uuid4(), now=now)


def test_an_account_waits_for_the_next_minute_at_its_limit() -> None:
    account = uuid.uuid4()
    for _ in range(limits.PER_ACCOUNT):
        call(account)

    with pytest.raises(Unavailable, match="quota") as refusal:
        call(account)

    assert refusal.value.after == timedelta(seconds=50)
    call()  # another account does not wait
    call(account, now=NOON + timedelta(minutes=1))


def test_while_most_calls_fail_every_account_waits() -> None:
    for _ in range(limits.FAULTS_TO_BREAK):
        call()
        limits.count_fault(now=NOON)

    with pytest.raises(Unavailable, match="breaker"):
        call()


def test_while_some_calls_fail_no_account_waits() -> None:
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


def test_without_the_counters_no_account_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(rate_counters, "count", away)

    call()
    limits.count_fault(now=NOON)


# --- What is counted -----------------------------------------------------------------------------------------
Links = Callable[..., LinkedPractice]


def sent(agenda: LinkedPractice) -> int:
    """Return how many requests the calendar API of the fake server has received."""
    return sum(call.method.startswith("calendar.") for call in agenda.google.journal)


def counted_of(agenda: LinkedPractice, counted: FakeCounters) -> int:
    """Return how many requests of the account were counted, over all minutes."""
    own = f"google|{agenda.unit.schema}|{agenda.account().ref.hex}|"
    return sum(count for key, count in counted.values.items() if key.startswith(own))


def test_each_request_is_counted_however_many_a_scenario_makes(
    linked: Links, counted: FakeCounters
) -> None:
    agenda = linked()
    with inside(agenda.unit):
        agenda.cabinet.type.horizon_days = 150  # three requests for busy times
        agenda.cabinet.type.save()
    agenda.book(MONDAY)
    agenda.google.faults["calendar.events.insert"].append(KNOWN["drop_after"])
    agenda.deliver()
    agenda.poll()
    agenda.google.oauth.expire_access_tokens()
    agenda.poll()

    assert counted_of(agenda, counted) == sent(agenda)
    assert sum(count for key, count in counted.values.items() if "|calls|" in key) == sent(agenda)
    assert sum(count for key, count in counted.values.items() if "|faults|" in key) == 1


def test_a_page_that_asks_for_names_is_counted(linked: Links, counted: FakeCounters) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    before = counted_of(agenda, counted)
    ids = [agenda.cabinet.practitioner.pk]
    with inside(agenda.unit):
        found = names.lookups(refs=[appointment.ref], practitioner_ids=ids, now=agenda.clock())

    assert names.read_names(found)

    assert counted_of(agenda, counted) == before + 1
    assert counted_of(agenda, counted) == sent(agenda)


def test_at_its_limit_an_account_asks_nothing_and_has_not_failed(
    linked: Links, counted: FakeCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    agenda = linked()
    monkeypatch.setattr(limits, "PER_ACCOUNT", counted_of(agenda, counted) + 2)
    before = sent(agenda)
    agenda.book(MONDAY)
    agenda.book(MONDAY + timedelta(hours=1))

    assert agenda.poll() is False

    assert sent(agenda) == before + 2
    account = agenda.account()
    assert (account.state, account.failures) == (GoogleAccount.LinkState.CONNECTED, 0)
    agenda.clock.advance(minutes=1)
    counted.values.clear()
    assert agenda.poll()
