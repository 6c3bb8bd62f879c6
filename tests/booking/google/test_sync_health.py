"""Faults are shown by the status of the link, and reported to its practitioner and to lib-rdv's staff."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from booking.google import polls, sync_health
from booking.google.calendar_api import Client
from booking.google.sync_health import HealthStatus
from booking.models import CalendarEntry, GoogleAccount
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice
from tests.factories import NOW
from tests.fakes.google import KNOWN, Fault

BUSY, INSERT = "calendar.freebusy.query", "calendar.events.insert"
FORBIDDEN = KNOWN["403 insufficientPermissions"]
Links = Callable[..., LinkedPractice]


@pytest.fixture(autouse=True)
def no_alert(committed_tenant: object) -> Iterator[None]:
    """Delete the alerts of a test from the public schema, which all tests share."""
    yield
    with inside(PUBLIC):
        OutboxEntry.objects.filter(kind="calendar.stuck").delete()


def status(agenda: LinkedPractice) -> HealthStatus:
    with inside(agenda.unit):
        account = GoogleAccount.objects.get(pk=agenda.account_id)
        return sync_health.health_of(account=account, now=agenda.clock()).status


def mails(agenda: LinkedPractice) -> int:
    """Return how many e-mails about failed pushes were enqueued for the practitioner."""
    with inside(agenda.unit):
        return OutboxEntry.objects.filter(kind="calendar.failing").count()


def poll_for(agenda: LinkedPractice, minutes: int) -> None:
    """Poll the account every ten minutes."""
    for _ in range(minutes // 10):
        agenda.clock.advance(minutes=10)
        agenda.poll()


# --- Busy times that cannot be read --------------------------------------------------------------------------
def test_busy_times_that_cannot_be_read_stop_nothing_else(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    agenda.google.delete_event(ADDRESS, agenda.events()[0]["id"], calendar=agenda.calendar())
    other = agenda.book(MONDAY + timedelta(hours=2))
    agenda.google.faults[BUSY].append(FORBIDDEN)

    assert agenda.poll() is False

    assert agenda.entry(appointment).state == CalendarEntry.EventState.DELETED
    assert agenda.entry(other).state == CalendarEntry.EventState.WRITTEN
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


def test_stale_busy_times_change_the_status_and_alert_the_staff(linked: Links) -> None:
    agenda = linked()
    agenda.poll()
    agenda.google.faults[BUSY].extend([FORBIDDEN] * 6)

    poll_for(agenda, 20)
    assert status(agenda) is HealthStatus.GREEN
    poll_for(agenda, 10)
    assert status(agenda) is HealthStatus.ORANGE
    assert sync_health.raise_alert(now=agenda.clock()) == 0
    poll_for(agenda, 30)
    assert status(agenda) is HealthStatus.RED
    assert sync_health.raise_alert(now=agenda.clock()) == 1
    assert sync_health.stuck_accounts(now=agenda.clock()) == sync_health.StuckAccounts(failing=1)

    poll_for(agenda, 10)
    assert status(agenda) is HealthStatus.GREEN
    assert sync_health.stuck_accounts(now=agenda.clock()) == sync_health.StuckAccounts()


def test_an_account_without_busy_times_is_never_stale(linked: Links) -> None:
    agenda = linked(can_read_busy=False, busy_at=None)

    poll_for(agenda, 70)

    assert status(agenda) is HealthStatus.GREEN
    assert sync_health.stuck_accounts(now=agenda.clock()) == sync_health.StuckAccounts()


@pytest.mark.parametrize("can_read_busy", [True, False])
def test_a_secret_of_ours_that_is_no_longer_good_reaches_the_staff(
    linked: Links, settings: Settings, can_read_busy: bool
) -> None:
    agenda = linked(can_read_busy=can_read_busy)
    agenda.poll()
    settings.GOOGLE_CLIENT_SECRET = "of last year"
    agenda.google.oauth.expire_access_tokens()

    poll_for(agenda, 60)

    assert agenda.account().state == GoogleAccount.LinkState.CONNECTED
    assert status(agenda) is HealthStatus.RED
    assert sync_health.raise_alert(now=agenda.clock()) == 1


def test_pages_that_enqueue_polls_ask_for_unreadable_busy_times_once_a_minute(
    linked: Links,
) -> None:
    agenda = linked()
    agenda.google.faults[BUSY].extend([FORBIDDEN] * 9)
    agenda.clock.advance(minutes=2)

    def wake_worker() -> int:
        polls.poll(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock)
        return len(agenda.google.asked(BUSY))

    once = wake_worker()
    assert wake_worker() == once
    agenda.clock.advance(minutes=1)
    assert wake_worker() == once + 1


# --- What cannot be written ----------------------------------------------------------------------------------
def test_what_google_refuses_reaches_its_practitioner_and_the_staff_once_a_day(
    linked: Links,
) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].extend([KNOWN["403 forbidden"]] * 9)
    agenda.book(MONDAY)
    agenda.deliver()

    poll_for(agenda, 10)

    assert sync_health.raise_alert(now=agenda.clock()) == 1
    assert sync_health.stuck_accounts(now=agenda.clock()) == sync_health.StuckAccounts(refused=1)
    for _ in range(3):
        poll_for(agenda, 60)
        sync_health.raise_alert(now=agenda.clock())
    with inside(PUBLIC):
        assert OutboxEntry.objects.filter(kind="calendar.stuck").count() == 1
    assert mails(agenda) == 1

    agenda.clock.advance(days=1)
    agenda.poll()
    sync_health.raise_alert(now=agenda.clock())
    assert mails(agenda) == 2


def test_a_refused_event_of_a_past_visit_causes_no_alert(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].append(KNOWN["403 forbidden"])
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    assert agenda.entry(appointment).state == CalendarEntry.EventState.REFUSED

    agenda.clock.now = appointment.ends_at + timedelta(days=2)
    agenda.poll()

    assert sync_health.raise_alert(now=agenda.clock()) == 0


def test_what_was_refused_of_a_visit_that_is_over_uses_up_no_mail_of_the_day(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].extend([KNOWN["403 forbidden"]] * 9)
    past = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        CalendarEntry.objects.update(changed_at=past.starts_at)
    agenda.clock.now = past.ends_at + timedelta(minutes=1)

    sync_health.raise_alert(now=agenda.clock())
    assert mails(agenda) == 0

    agenda.book(MONDAY + timedelta(days=1))
    agenda.deliver()
    sync_health.raise_alert(now=agenda.clock())
    assert mails(agenda) == 1


def test_an_hour_of_waiting_reaches_its_practitioner(linked: Links) -> None:
    agenda = linked()
    agenda.poll()
    agenda.book(MONDAY)

    agenda.clock.advance(minutes=59)
    sync_health.raise_alert(now=agenda.clock())
    assert mails(agenda) == 0
    agenda.clock.advance(minutes=1)
    sync_health.raise_alert(now=agenda.clock())
    sync_health.raise_alert(now=agenda.clock())
    assert mails(agenda) == 1


def test_a_token_that_is_never_accepted_parks_nothing(linked: Links) -> None:
    agenda = linked()
    refused = Fault("answer", 401, "authError")
    agenda.google.faults[INSERT].extend([refused] * 6)
    booked = [agenda.book(MONDAY + timedelta(hours=number)) for number in range(3)]
    agenda.deliver(rounds=1)

    assert [agenda.entry(appointment).state for appointment in booked] == [
        CalendarEntry.EventState.PENDING
    ] * 3
    assert agenda.account().last_error == "token_refused"
    # Each of the three outbox entries tries the first event twice, and no other event.
    assert len(agenda.google.asked(INSERT)) == 6

    agenda.clock.advance(minutes=15)
    agenda.deliver()
    assert [agenda.entry(appointment).state for appointment in booked] == [
        CalendarEntry.EventState.WRITTEN
    ] * 3


# --- A link that is lost -------------------------------------------------------------------------------------
def test_a_lost_link_reaches_the_staff_though_nothing_waits_for_it(linked: Links) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.clock.advance(hours=2)
    agenda.poll()
    assert agenda.account().state == GoogleAccount.LinkState.RECONNECT

    assert sync_health.raise_alert(now=agenda.clock()) == 1

    assert sync_health.stuck_accounts(now=agenda.clock()) == sync_health.StuckAccounts(lost=1)
    agenda.clock.advance(hours=1)
    sync_health.raise_alert(now=agenda.clock())
    with inside(PUBLIC):
        assert OutboxEntry.objects.filter(kind="calendar.stuck").count() == 1
    assert mails(agenda) == 0
