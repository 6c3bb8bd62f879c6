"""A change to another Google account, and a worker that is killed while it connects an account."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import OperationalError, connection

from booking.appointments import erasure_requests
from booking.appointments.cancel import cancel
from booking.calendar_sync import calendar_entries
from booking.google import (
    authorization,
    disconnection,
    oauth,
    ownership,
    polls,
    push,
)
from booking.google.accounts import open_secret
from booking.google.calendar_api import Refused
from booking.google.leases import LeaseUnavailable, acquire_lease
from booking.google.push import make_calendar
from booking.models import CalendarEntry, CalendarTask, GoogleAccount, Practice
from booking.rules import kinds
from booking.rules.erasure import Level
from tenants.outbox.models import OutboxEntry
from tenants.schema import inside
from tests.booking.google.practices import MONDAY, UnlinkedPractice
from tests.factories import make_appointment

FIRST, SECOND = "orga@cabinet.example", "perso@boite.example"


@pytest.fixture
def switched(practice: UnlinkedPractice) -> UnlinkedPractice:
    """A practice that has replaced an organisation's account with names by a personal account."""
    practice.google.account(FIRST, workspace=True)
    practice.google.account(SECOND)
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    connect(practice, FIRST)
    with inside(practice.unit):
        GoogleAccount.objects.update(level=Level.NAMED.value, has_addendum=True)
        account = GoogleAccount.objects.get()
        calendar_entries.push_all(account=account, since=practice.clock(), now=practice.clock())
    practice.deliver()
    connect(practice, SECOND)
    return practice


def connect(practice: UnlinkedPractice, address: str) -> None:
    back = urlsplit(practice.google.consent(practice.begin(), address))
    practice.receive_return({name: values[0] for name, values in parse_qs(back.query).items()})
    practice.deliver()


def events_of(practice: UnlinkedPractice, address: str) -> list[dict[str, Any]]:
    """Return the events of all calendars of an account."""
    return [
        event
        for calendar in practice.google.calendars(address)
        for event in practice.google.events(address, calendar.id)
        if event["status"] != "cancelled"
    ]


def linked(practice: UnlinkedPractice) -> GoogleAccount:
    account = practice.account()
    assert account is not None
    return account


def test_the_second_account_gets_its_own_kind_level_and_addendum(
    switched: UnlinkedPractice,
) -> None:
    account = linked(switched)

    assert (account.kind, account.level, account.has_addendum) == ("consumer", 1, False)


def test_everything_coming_is_written_into_the_other_account_without_names(
    switched: UnlinkedPractice,
) -> None:
    with inside(switched.unit):
        make_appointment(switched.cabinet, MONDAY + timedelta(hours=2), now=switched.clock())
    switched.deliver()

    assert [event["summary"] for event in events_of(switched, SECOND)] == ["RDV C. S."] * 2
    with inside(switched.unit):
        entries = CalendarEntry.objects.filter(account__isnull=False)
        assert [entry.state for entry in entries] == ["written"] * 2


def test_events_of_the_first_account_become_tasks_when_their_person_is_erased(
    switched: UnlinkedPractice,
) -> None:
    assert "Camille" in events_of(switched, FIRST)[0]["summary"]

    with inside(switched.unit):
        entry = CalendarEntry.objects.get(account__isnull=True)
        erasure_requests.erase_and_cancel(appointment=entry.appointment, now=switched.clock())
        tasks = list(CalendarTask.objects.values_list("kind", flat=True))
    switched.deliver()

    assert tasks == ["erase"]
    assert events_of(switched, SECOND) == []
    with inside(switched.unit):
        assert CalendarTask.objects.filter(completed_at__isnull=True).exists()


def test_a_worker_with_the_lease_of_the_first_account_stores_nothing_in_the_second(
    practice: UnlinkedPractice,
) -> None:
    """A worker with a lease has a token of the first account and may create a calendar there."""
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")
    account = linked(practice)
    with acquire_lease(unit=practice.unit, account_id=account.pk, clock=practice.clock) as lease:
        connect(practice, SECOND)
        with pytest.raises(LeaseUnavailable):
            make_calendar(lease)
    practice.deliver()

    with inside(practice.unit):
        own_calendar = open_secret(linked(practice)).calendar
    assert own_calendar in {own_calendar.id for own_calendar in practice.google.calendars(SECOND)}


def test_the_same_account_again_keeps_what_was_chosen(practice: UnlinkedPractice) -> None:
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        GoogleAccount.objects.update(level=Level.NAMED.value)
    connect(practice, "maite@exemple.fr")

    assert linked(practice).level == Level.NAMED


def test_connecting_switching_and_disconnecting_change_the_notice_version(
    practice: UnlinkedPractice,
) -> None:
    def version() -> int:
        with inside(practice.unit):
            return Practice.objects.get().notice_version

    practice.google.account(SECOND)
    versions = [version()]
    for address in ("maite@exemple.fr", "maite@exemple.fr", SECOND):
        connect(practice, address)
        versions.append(version())
    with inside(practice.unit):
        disconnection.disconnect(
            account=GoogleAccount.objects.get(), on_disconnect=GoogleAccount.OnDisconnect.KEEP,
            actor="user:1", now=practice.clock(),
        )  # fmt: skip

    assert [*versions, version()] == [1, 2, 2, 3, 4]


def test_a_consent_whose_user_loses_the_role_during_the_exchange_is_revoked(
    practice: UnlinkedPractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = oauth.exchange

    def slow(**asked: Any) -> oauth.Grant:
        grant = real(**asked)
        with inside(practice.unit):
            ownership.cancel_attempts(practice.user)
        return grant

    practice.receive_return(practice.consent(practice.begin()))
    monkeypatch.setattr(oauth, "exchange", slow)
    practice.deliver()

    assert practice.account() is None
    assert practice.attempt().failure == ownership.PART_LOST
    assert [entry.status for entry in practice.google.asked("oauth.revoke")] == [200]


def test_a_consent_for_an_account_that_is_being_disconnected_is_revoked(
    practice: UnlinkedPractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disconnection would delete the new link."""
    connect(practice, "maite@exemple.fr")
    real = oauth.exchange

    def slow(**asked: Any) -> oauth.Grant:
        grant = real(**asked)
        with inside(practice.unit):
            disconnection.disconnect(
                account=linked(practice), on_disconnect=GoogleAccount.OnDisconnect.KEEP, actor="user:1",
                now=practice.clock(),
            )  # fmt: skip
        return grant

    practice.receive_return(practice.consent(practice.begin()))
    with monkeypatch.context() as patched:
        patched.setattr(oauth, "exchange", slow)
        practice.deliver()

    assert practice.account() is None
    assert practice.attempt().state == "failed"
    # The first revocation ended the whole grant of this person, the second finds none.
    assert [entry.status for entry in practice.google.asked("oauth.revoke")] == [200, 400]


def test_the_account_is_locked_while_a_consent_is_stored(
    practice: UnlinkedPractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(practice, "maite@exemple.fr")
    keep, refused = authorization.save_account, []

    def watched(**given: Any) -> GoogleAccount:
        with ThreadPoolExecutor(1) as pool:
            refused.append(pool.submit(is_locked, practice).result())
        return keep(**given)

    monkeypatch.setattr(authorization, "save_account", watched)
    connect(practice, "maite@exemple.fr")

    assert refused == [True]


def is_locked(practice: UnlinkedPractice) -> bool:
    """Return whether another transaction has locked the row of the account."""
    try:
        with inside(practice.unit):
            return GoogleAccount.objects.select_for_update(nowait=True).first() is None
    except OperationalError:
        return True
    finally:
        connection.close()


def test_pushes_of_the_second_account_replace_those_of_the_first(
    practice: UnlinkedPractice,
) -> None:
    practice.google.account(SECOND)
    with inside(practice.unit):
        appointment = make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        calendar_entries.push_all(
            account=linked(practice), since=practice.clock(), now=practice.clock()
        )
    practice.deliver()

    connect(practice, SECOND)

    with inside(practice.unit):
        pushes = OutboxEntry.objects.filter(kind=kinds.CALENDAR_PUSH, subject_id=appointment.pk)
        assert [(entry.payload["version"], entry.state) for entry in pushes] == [(1, "sent")]
        cancel(appointment=appointment, by_patient=False, actor="system", now=practice.clock())
    practice.deliver()
    assert events_of(practice, SECOND) == []


def test_the_second_account_has_its_own_connection_instant(practice: UnlinkedPractice) -> None:
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")
    practice.clock.advance(days=3)
    connect(practice, SECOND)

    assert linked(practice).connected_at == practice.clock()


def test_a_refusal_of_the_first_grant_does_not_end_the_second(
    practice: UnlinkedPractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")

    def refresh(**_: object) -> oauth.AccessToken:
        connect(practice, SECOND)
        raise oauth.GrantRevoked

    practice.clock.advance(hours=2)
    monkeypatch.setattr(oauth, "refresh", refresh)
    acquired = acquire_lease(
        unit=practice.unit, account_id=linked(practice).pk, clock=practice.clock
    )
    with pytest.raises(LeaseUnavailable), acquired as lease:
        lease.call(lambda client: client.create_calendar(zone="UTC"))

    assert linked(practice).state == "connected"


def test_a_refusal_of_the_first_account_is_not_stored_in_the_second(
    practice: UnlinkedPractice,
) -> None:
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())

    def refused(_client: object, job: object) -> None:
        connect(practice, SECOND)
        raise Refused("answer_403")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(push, "push_event", once(refused, otherwise=push.push_event))
        practice.deliver()
    practice.deliver()

    assert linked(practice).last_error == ""
    assert len(events_of(practice, SECOND)) == 1


def once(first: Callable[..., Any], *, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls ``first`` once and ``otherwise`` from the second call on."""
    functions = iter([first])

    def call(*arguments: Any, **options: Any) -> Any:
        return next(functions, otherwise)(*arguments, **options)

    return call


class Killed(BaseException):
    """The worker is killed here."""


def test_a_worker_that_dies_after_the_exchange_loses_no_appointment(
    practice: UnlinkedPractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: object) -> None:
        raise Killed

    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    practice.receive_return(practice.consent(practice.begin()))
    with monkeypatch.context() as patched:
        patched.setattr(authorization, "_run_first_sync", die)
        with pytest.raises(Killed):
            practice.deliver()
    practice.clock.advance(minutes=2)
    practice.deliver()

    assert (practice.attempt().state, practice.attempt().failure) == ("done", "")
    with inside(practice.unit):
        calendar = open_secret(linked(practice)).calendar
    events = practice.google.events("maite@exemple.fr", calendar)
    assert [event["summary"] for event in events] == ["RDV C. S."]


def test_a_coming_visit_that_the_calendar_does_not_know_is_found(
    practice: UnlinkedPractice,
) -> None:
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        appointment = make_appointment(practice.cabinet, MONDAY, now=practice.clock())
        CalendarEntry.objects.filter(appointment=appointment).delete()
        account = GoogleAccount.objects.get()
        polls.request_poll(account_id=account.pk, now=practice.clock())

    assert polls.poll(unit=practice.unit, account_id=account.pk, clock=practice.clock)

    with inside(practice.unit):
        assert CalendarEntry.objects.get().state == CalendarEntry.EventState.WRITTEN
