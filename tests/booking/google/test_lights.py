"""What does not work is seen: by its light, by its practitioner, by lib-rdv's staff."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from booking.google_calendar import Client
from booking.models import CalendarEntry, GoogleAccount
from booking.services.google import lights, polling
from booking.services.google.lights import Light
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, inside
from tests.booking.google.conftest import ADDRESS, Linked
from tests.factories import NOW, local
from tests.fakes.google import KNOWN, Fault

MONDAY = local((NOW + timedelta(days=7)).date(), 10)
BUSY, INSERT = "calendar.freebusy.query", "calendar.events.insert"
FORBIDDEN = KNOWN["403 insufficientPermissions"]
Links = Callable[..., Linked]


@pytest.fixture(autouse=True)
def no_alert(committed_tenant: object) -> Iterator[None]:
    """Take away what a test wrote in the schema that all of them share."""
    yield
    with inside(PUBLIC):
        OutboxEntry.objects.filter(kind="calendar.stuck").delete()


def light(agenda: Linked) -> Light:
    with inside(agenda.unit):
        account = GoogleAccount.objects.get(pk=agenda.account_id)
        return lights.health_of(account=account, now=agenda.clock()).light


def mails(agenda: Linked) -> int:
    """How often the practitioner was told that something could not be written."""
    with inside(agenda.unit):
        return OutboxEntry.objects.filter(kind="calendar.failing").count()


def poll_for(agenda: Linked, minutes: int) -> None:
    """Let the workers look every ten minutes."""
    for _ in range(minutes // 10):
        agenda.clock.pass_(minutes=10)
        agenda.poll()


# --- Busy times that cannot be read --------------------------------------------------------------------------
def test_busy_times_that_cannot_be_read_stop_nothing_else(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    agenda.google.delete_event(ADDRESS, agenda.events()[0]["id"], calendar=agenda.calendar())
    other = agenda.book(MONDAY + timedelta(hours=2))
    agenda.google.faults[BUSY].append(FORBIDDEN)

    assert agenda.poll() is False

    assert agenda.entry(held).state == CalendarEntry.State.DELETED
    assert agenda.entry(other).state == CalendarEntry.State.WRITTEN
    assert agenda.account().last_error == "busy_unreadable"


def test_the_night_is_reported_though_busy_times_cannot_be_read(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[BUSY].append(FORBIDDEN)
    agenda.clock.now = (NOW + timedelta(days=2)).replace(hour=2)

    agenda.poll()

    assert agenda.account().checked_at == agenda.clock()


def test_a_main_calendar_that_answers_with_an_error_is_noted(
    linked: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    agenda = linked()
    monkeypatch.setattr(Client, "busy", lambda *_args, **_options: {})

    assert agenda.poll() is False

    assert agenda.account().last_error == "busy_unreadable"


def test_busy_times_that_grow_old_turn_the_light_and_reach_the_staff(linked: Links) -> None:
    agenda = linked()
    agenda.poll()
    agenda.google.faults[BUSY].extend([FORBIDDEN] * 6)

    poll_for(agenda, 20)
    assert light(agenda) is Light.GREEN
    poll_for(agenda, 10)
    assert light(agenda) is Light.ORANGE
    assert lights.raise_alert(now=agenda.clock()) == 0
    poll_for(agenda, 30)
    assert light(agenda) is Light.RED
    assert lights.raise_alert(now=agenda.clock()) == 1
    assert lights.stuck_accounts(now=agenda.clock()) == lights.Stuck(failing=1)

    poll_for(agenda, 10)
    assert light(agenda) is Light.GREEN
    assert lights.stuck_accounts(now=agenda.clock()) == lights.Stuck()


def test_who_lets_nobody_read_busy_times_is_not_told_that_they_are_old(linked: Links) -> None:
    agenda = linked(can_read_busy=False, busy_at=None)

    poll_for(agenda, 70)

    assert light(agenda) is Light.GREEN
    assert lights.stuck_accounts(now=agenda.clock()) == lights.Stuck()


@pytest.mark.parametrize("can_read_busy", [True, False])
def test_a_secret_of_ours_that_is_no_longer_good_reaches_the_staff(
    linked: Links, settings: Settings, can_read_busy: bool
) -> None:
    agenda = linked(can_read_busy=can_read_busy)
    agenda.poll()
    settings.GOOGLE_CLIENT_SECRET = "of last year"
    agenda.google.oauth.expire_access_tokens()

    poll_for(agenda, 60)

    assert agenda.account().state == GoogleAccount.State.CONNECTED
    assert light(agenda) is Light.RED
    assert lights.raise_alert(now=agenda.clock()) == 1


def test_pages_that_ring_ask_for_unreadable_busy_times_once_a_minute(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[BUSY].extend([FORBIDDEN] * 9)
    agenda.clock.pass_(minutes=2)

    def ring() -> int:
        polling.poll(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock)
        return len(agenda.google.asked(BUSY))

    once = ring()
    assert ring() == once
    agenda.clock.pass_(minutes=1)
    assert ring() == once + 1


# --- What cannot be written ----------------------------------------------------------------------------------
def test_what_google_refuses_reaches_its_practitioner_and_the_staff_once_a_day(
    linked: Links,
) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].extend([KNOWN["403 forbidden"]] * 9)
    agenda.book(MONDAY)
    agenda.deliver()

    poll_for(agenda, 10)

    assert lights.raise_alert(now=agenda.clock()) == 1
    assert lights.stuck_accounts(now=agenda.clock()) == lights.Stuck(refused=1)
    for _ in range(3):
        poll_for(agenda, 60)
        lights.raise_alert(now=agenda.clock())
    with inside(PUBLIC):
        assert OutboxEntry.objects.filter(kind="calendar.stuck").count() == 1
    assert mails(agenda) == 1

    agenda.clock.pass_(days=1)
    agenda.poll()
    lights.raise_alert(now=agenda.clock())
    assert mails(agenda) == 2


def test_what_was_refused_and_is_past_alarms_nobody(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].append(KNOWN["403 forbidden"])
    held = agenda.book(MONDAY)
    agenda.deliver()
    assert agenda.entry(held).state == CalendarEntry.State.REFUSED

    agenda.clock.now = held.ends_at + timedelta(days=2)
    agenda.poll()

    assert lights.raise_alert(now=agenda.clock()) == 0


def test_what_was_refused_of_a_visit_that_is_over_uses_up_no_mail_of_the_day(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].extend([KNOWN["403 forbidden"]] * 9)
    over = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        CalendarEntry.objects.update(wanted_at=over.starts_at)
    agenda.clock.now = over.ends_at + timedelta(minutes=1)

    lights.raise_alert(now=agenda.clock())
    assert mails(agenda) == 0

    agenda.book(MONDAY + timedelta(days=1))
    agenda.deliver()
    lights.raise_alert(now=agenda.clock())
    assert mails(agenda) == 1


def test_an_hour_of_waiting_reaches_its_practitioner(linked: Links) -> None:
    agenda = linked()
    agenda.poll()
    agenda.book(MONDAY)

    agenda.clock.pass_(minutes=59)
    lights.raise_alert(now=agenda.clock())
    assert mails(agenda) == 0
    agenda.clock.pass_(minutes=1)
    lights.raise_alert(now=agenda.clock())
    lights.raise_alert(now=agenda.clock())
    assert mails(agenda) == 1


def test_a_token_that_is_never_accepted_parks_nothing(linked: Links) -> None:
    agenda = linked()
    refused = Fault("answer", 401, "authError")
    agenda.google.faults[INSERT].extend([refused] * 6)
    held = [agenda.book(MONDAY + timedelta(hours=number)) for number in range(3)]
    agenda.deliver(rounds=1)

    assert [agenda.entry(one).state for one in held] == [CalendarEntry.State.PENDING] * 3
    assert agenda.account().last_error == "token_refused"
    # Each of the three bells asks twice for the first event, and for no other.
    assert len(agenda.google.asked(INSERT)) == 6

    agenda.clock.pass_(minutes=15)
    agenda.deliver()
    assert [agenda.entry(one).state for one in held] == [CalendarEntry.State.WRITTEN] * 3


# --- A link that is lost -------------------------------------------------------------------------------------
def test_a_lost_link_reaches_the_staff_though_nothing_waits_for_it(linked: Links) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.clock.pass_(hours=2)
    agenda.poll()
    assert agenda.account().state == GoogleAccount.State.RECONNECT

    assert lights.raise_alert(now=agenda.clock()) == 1

    assert lights.stuck_accounts(now=agenda.clock()) == lights.Stuck(lost=1)
    agenda.clock.pass_(hours=1)
    lights.raise_alert(now=agenda.clock())
    with inside(PUBLIC):
        assert OutboxEntry.objects.filter(kind="calendar.stuck").count() == 1
    assert mails(agenda) == 0
