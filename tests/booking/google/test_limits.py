"""Quotas are kept, request by request, and Google is left alone while it is ill, and only then."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from booking.google_calendar import Unavailable
from booking.models import GoogleAccount
from booking.services.google import limits, names
from tenants import counters
from tenants.schema import inside
from tests.booking.google.conftest import Linked
from tests.factories import NOW as TODAY
from tests.factories import local
from tests.fakes.google import KNOWN

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


# --- What is counted -----------------------------------------------------------------------------------------
MONDAY = local((TODAY + timedelta(days=7)).date(), 10)
Links = Callable[..., Linked]


def sent(agenda: Linked) -> int:
    """Return how many requests have reached the interface of calendars."""
    return sum(one.method.startswith("calendar.") for one in agenda.google.journal)


def counted_of(agenda: Linked, counted: Counted) -> int:
    """Return how many requests of the account were counted, over all minutes."""
    own = f"google|{agenda.unit.schema}|{agenda.account().ref.hex}|"
    return sum(count for key, count in counted.values.items() if key.startswith(own))


def test_each_request_is_counted_however_many_a_scenario_makes(
    linked: Links, counted: Counted
) -> None:
    agenda = linked()
    with inside(agenda.unit):
        agenda.cabinet.type.horizon_days = 150  # three questions about busy times
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


def test_a_page_that_asks_for_names_is_counted(linked: Links, counted: Counted) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    before = counted_of(agenda, counted)
    ids = [agenda.cabinet.practitioner.pk]
    with inside(agenda.unit):
        found = names.lookups(refs=[held.ref], practitioner_ids=ids, now=agenda.clock())

    assert names.ask(found)

    assert counted_of(agenda, counted) == before + 1
    assert counted_of(agenda, counted) == sent(agenda)


def test_at_its_limit_an_account_asks_nothing_and_has_not_failed(
    linked: Links, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    agenda = linked()
    monkeypatch.setattr(limits, "PER_ACCOUNT", counted_of(agenda, counted) + 2)
    before = sent(agenda)
    agenda.book(MONDAY)
    agenda.book(MONDAY + timedelta(hours=1))

    assert agenda.poll() is False

    assert sent(agenda) == before + 2
    account = agenda.account()
    assert (account.state, account.failures) == (GoogleAccount.State.CONNECTED, 0)
    agenda.clock.pass_(minutes=1)
    counted.values.clear()
    assert agenda.poll()
