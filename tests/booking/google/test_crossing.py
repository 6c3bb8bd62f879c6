"""Requests that arrive in another order than sent: the target state of lib-rdv prevails."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from booking.appointments.cancel import cancel
from booking.calendar_sync import calendar_entries
from booking.google import limits, polls
from booking.google.accounts import event_key
from booking.google.calendar_api import (
    Changed,
    Client,
    RequestPostponed,
)
from booking.models import CalendarEntry, GoogleAccount
from booking.rules import event_body
from tenants.outbox.models import OutboxEntry
from tenants.schema import inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice
from tests.factories import NOW, local
from tests.fakes.google import KNOWN


def cancel_in(agenda: LinkedPractice, appointment: object) -> None:
    """Cancel an appointment as its patient does."""
    with inside(agenda.unit):
        cancel(appointment=appointment, by_patient=True, actor="patient", now=agenda.clock())  # type: ignore[arg-type]


def test_a_deletion_names_the_state_that_it_deletes(linked: Callable[..., LinkedPractice]) -> None:
    agenda = linked()
    booked = agenda.book(MONDAY)
    agenda.deliver()
    (event,) = agenda.events()

    cancel_in(agenda, booked)
    agenda.deliver()

    (asked,) = agenda.google.asked("calendar.events.delete")
    assert asked.headers["if-match"] == event["etag"]
    assert agenda.events() == []


def test_a_deletion_that_comes_late_deletes_nothing_that_was_written_since(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.deliver()
    (event,) = agenda.events()
    known = {"calendar": agenda.calendar(), "event_id": event["id"], "etag": event["etag"]}
    access, _refresh = agenda.google.grant(ADDRESS, ["calendar.app.created"])

    meter = limits.AccountMeter("t_crossing", agenda.account().ref, agenda.clock)

    with Client(token=access, account="", meter=meter) as client:
        client.patch(**known, body={"summary": "RDV"})
        with pytest.raises(Changed):
            client.delete(**known)

    assert len(agenda.events()) == 1


def test_what_the_practitioner_has_changed_is_deleted_all_the_same(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    booked = agenda.book(MONDAY)
    agenda.deliver()
    (event,) = agenda.events()
    agenda.google.move_event(
        ADDRESS, event["id"], MONDAY + timedelta(hours=1), calendar=agenda.calendar()
    )

    cancel_in(agenda, booked)
    agenda.deliver()

    assert agenda.events() == []
    assert agenda.entry(booked).state == "gone"


def test_an_event_that_was_never_written_is_gone_without_a_deletion(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    booked = agenda.book(MONDAY)

    cancel_in(agenda, booked)
    agenda.deliver()

    assert agenda.entry(booked).state == "gone"
    assert agenda.google.asked("calendar.events.delete") == []


def test_what_came_back_under_a_new_identifier_unanswered_is_deleted_too(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    booked = agenda.book(MONDAY)
    agenda.deliver()
    (event,) = agenda.events()
    agenda.google.delete_event(ADDRESS, event["id"], calendar=agenda.calendar())
    with inside(agenda.unit):
        calendar_entries.push_again(
            entry=CalendarEntry.objects.get(appointment=booked.pk), now=agenda.clock()
        )
    agenda.google.faults["calendar.events.insert"].append(KNOWN["drop_after"])
    agenda.deliver(rounds=1)
    assert len(agenda.events()) == 1
    assert agenda.entry(booked).generation == 0

    cancel_in(agenda, booked)
    agenda.deliver()

    assert agenda.events() == []
    assert agenda.entry(booked).state == "gone"


def test_an_insertion_that_arrives_after_its_deletion_is_deleted_by_the_next_poll(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    booked = agenda.book(MONDAY)
    agenda.deliver()
    (event,) = agenda.events()
    agenda.google.delete_event(ADDRESS, event["id"], calendar=agenda.calendar())
    cancel_in(agenda, booked)
    agenda.deliver()
    entry = agenda.entry(booked)
    assert entry.generation == 1  # nothing has stood under the next identifier yet
    late = event_body.event_id(key=key_of(agenda), ref=booked.ref, generation=1)

    agenda.google.add_event(
        ADDRESS, MONDAY, MONDAY + timedelta(hours=1), calendar=agenda.calendar(), id=late
    )
    assert agenda.poll()

    assert agenda.events() == []


def key_of(agenda: LinkedPractice) -> bytes:
    """Return the key of the practice's identifiers."""
    with inside(agenda.unit):
        return event_key()


def test_a_limit_stops_the_round_and_says_when_the_next_one_begins(
    linked: Callable[..., LinkedPractice], monkeypatch: pytest.MonkeyPatch
) -> None:
    agenda = linked()
    for hour in range(3):
        agenda.book(MONDAY + timedelta(hours=hour))
    asked: list[UUID] = []

    def refuse(*, schema: str, account: UUID, now: datetime) -> None:
        asked.append(account)
        raise RequestPostponed("quota", after=timedelta(seconds=20))

    monkeypatch.setattr(limits, "count_request", refuse)
    agenda.deliver(rounds=1)

    assert len(asked) == 3  # once for each outbox entry, not for each waiting event
    assert agenda.account().failures == 0
    with inside(agenda.unit):
        waiting = OutboxEntry.objects.filter(kind="calendar.push", state="pending")
        assert {entry.due_at - agenda.clock() for entry in waiting} == {timedelta(seconds=20)}


def test_after_a_push_the_busy_times_are_read_again(linked: Callable[..., LinkedPractice]) -> None:
    """An event added there since the last poll conflicts with the visit booked over it (design section 11).

    The push makes the account due at once; without it the next poll would be ten minutes later.
    """
    agenda = linked()
    agenda.poll()
    agenda.clock.advance(minutes=1)
    starts_at = local((NOW + timedelta(days=7)).date(), 10)
    agenda.google.add_event(ADDRESS, starts_at, starts_at + timedelta(hours=1))
    appointment = agenda.book(starts_at)
    assert not beat(agenda)

    agenda.deliver()

    assert beat(agenda)
    assert agenda.entry(appointment).has_conflict


def beat(agenda: LinkedPractice) -> bool:
    """Run the periodic poll, which skips an account that is not due."""
    with inside(agenda.unit):
        # Busy times are fresh, so that only the push can make the account due.
        GoogleAccount.objects.update(busy_at=agenda.clock())
    return polls.poll(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock)


def test_busy_times_that_cannot_be_read_hold_up_no_push(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    agenda.google.faults["calendar.freebusy.query"].append(KNOWN["403 insufficientPermissions"])
    appointment = agenda.book(local((NOW + timedelta(days=7)).date(), 10))

    agenda.deliver()

    assert agenda.entry(appointment).state == "written"
