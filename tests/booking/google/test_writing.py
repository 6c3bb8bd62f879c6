"""Appointments reach the calendar: once, as they are now, whatever the line loses."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.event_body import Level
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, PatientContact
from booking.services import calendar_entries, contacts, erasing
from booking.services.appointments import cancel, move
from booking.services.google.accounts import change_secret
from booking.services.google.leases import Busy, hold
from booking.services.google.writing import Clean
from tenants.outbox.models import OutboxEntry
from tenants.schema import inside
from tests.booking.google.conftest import ADDRESS, Linked
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_hours,
    make_link,
    make_practitioner,
)
from tests.fakes.google import KNOWN, Fault

MONDAY = local((NOW + timedelta(days=7)).date(), 10)
INSERT, PATCH, DELETE = (f"calendar.events.{verb}" for verb in ("insert", "patch", "delete"))
Links = Callable[..., Linked]


def move_to(agenda: Linked, held: Appointment, starts_at: datetime) -> Appointment:
    with inside(agenda.unit):
        return move(
            appointment=held,
            choice=agenda.cabinet.choice(starts_at),
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )


def cancel_it(agenda: Linked, held: Appointment, *, by_patient: bool = False) -> None:
    with inside(agenda.unit):
        cancel(appointment=held, by_patient=by_patient, actor="system", now=agenda.clock())


def starts_of(event: dict[str, object]) -> datetime:
    return datetime.fromisoformat(event["start"]["dateTime"])  # type: ignore[index]


def test_a_booking_stands_in_the_calendar(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)

    assert agenda.deliver() == ["sent"]

    (event,) = agenda.events()
    assert event["summary"] == "Camille Spécimen"
    assert event["description"] == "+33639980104\nConsultation"
    assert (event["visibility"], "attendees" in event) == ("private", False)
    assert starts_of(event) == MONDAY
    assert agenda.entry(held).state == "written"


@pytest.mark.parametrize(
    ("level", "says"),
    [(Level.REFERENCE, "Réservé (réf. "), (Level.INITIALS, "RDV C. S."), (Level.NAMED, "Camille")],
)
def test_the_event_says_what_its_level_allows(linked: Links, level: Level, says: str) -> None:
    agenda = linked(level=level)
    agenda.book(MONDAY)
    agenda.deliver()

    (event,) = agenda.events()
    assert event["summary"].startswith(says)
    assert ("+33" in event["description"]) is (level is Level.NAMED)
    assert "camille@example.org" not in str(event)


def test_a_move_changes_the_same_event_and_a_cancellation_takes_it_away(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    first = agenda.events()[0]["id"]

    move_to(agenda, held, MONDAY + timedelta(hours=2))
    agenda.deliver()
    (event,) = agenda.events()
    assert (event["id"], starts_of(event)) == (first, MONDAY + timedelta(hours=2))

    cancel_it(agenda, held)
    agenda.deliver()
    assert agenda.events() == []
    assert agenda.entry(held).state == "gone"


def test_many_changes_before_the_worker_looks_are_one_call(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    for hours in range(1, 5):
        held = move_to(agenda, held, MONDAY + timedelta(hours=hours))

    assert set(agenda.deliver()) == {"sent"}

    assert len(agenda.google.asked(INSERT)) == 1
    assert agenda.google.asked(PATCH) == []
    assert starts_of(agenda.events()[0]) == MONDAY + timedelta(hours=4)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "cut", "not_json", "503", "429"])
@pytest.mark.parametrize("method", [INSERT, PATCH, DELETE])
def test_an_answer_that_is_lost_loses_and_doubles_nothing(
    linked: Links, method: str, fault: str
) -> None:
    agenda = linked()
    if method != INSERT:
        held = agenda.book(MONDAY)
        agenda.deliver()
    agenda.google.faults[method].append(KNOWN[fault])

    if method == INSERT:
        held = agenda.book(MONDAY)
    elif method == PATCH:
        move_to(agenda, held, MONDAY + timedelta(hours=1))
    else:
        cancel_it(agenda, held)
    agenda.deliver()

    wanted = {INSERT: [MONDAY], PATCH: [MONDAY + timedelta(hours=1)], DELETE: []}[method]
    assert [starts_of(event) for event in agenda.events()] == wanted
    entry = agenda.entry(held)
    assert entry.wanted == entry.pushed
    assert agenda.google.injected


def test_what_was_deleted_in_google_comes_back_when_it_is_moved_here(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    first = agenda.events()[0]["id"]
    agenda.google.delete_event(ADDRESS, first, calendar=agenda.calendar())

    move_to(agenda, held, MONDAY + timedelta(hours=1))
    agenda.deliver()

    (event,) = agenda.events()
    assert event["id"] != first
    assert agenda.entry(held).generation == 1


def test_a_calendar_that_was_deleted_is_made_again_with_everything_in_it(linked: Links) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.book(MONDAY + timedelta(hours=1))
    agenda.deliver()
    before = agenda.calendar()
    agenda.google.delete_calendar(ADDRESS, before)

    agenda.book(MONDAY + timedelta(hours=2))
    agenda.deliver()

    assert agenda.calendar() != before
    assert len(agenda.events()) == 3


def test_what_google_refuses_for_good_is_shown_and_stops_nobody(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].append(KNOWN["403 forbidden"])
    refused, other = agenda.book(MONDAY), agenda.book(MONDAY + timedelta(hours=1))
    agenda.deliver()

    assert (agenda.entry(refused).state, agenda.entry(other).state) == ("refused", "written")
    assert agenda.account().last_error == "answer_403"


def test_a_calendar_that_may_not_be_made_is_tried_again(linked: Links) -> None:
    agenda = linked()
    with inside(agenda.unit):
        change_secret(account_id=agenda.account_id, calendar="")
    agenda.google.faults["calendar.calendars.insert"].append(KNOWN["403 forbidden"])
    held = agenda.book(MONDAY)

    assert agenda.deliver() == ["sent"]

    with inside(agenda.unit):
        assert OutboxEntry.objects.get(kind="calendar.push", object_id=held.pk).attempts == 2


def test_a_grant_that_is_gone_waits_with_its_queue_and_one_mail(linked: Links) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.clock.pass_(hours=2)
    agenda.book(MONDAY)
    agenda.book(MONDAY + timedelta(hours=1))
    agenda.deliver()

    with inside(agenda.unit):
        mails = OutboxEntry.objects.filter(kind="calendar.lost").count()
        waiting = CalendarEntry.objects.filter(pushed=0).count()
    assert (agenda.account().state, mails, waiting) == (GoogleAccount.State.RECONNECT, 1, 2)
    calls = len(agenda.google.journal)
    assert agenda.poll() is False
    assert len(agenda.google.journal) == calls


def test_a_calendar_that_keeps_failing_is_left_alone_for_a_while(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].extend([KNOWN["503"]] * 50)
    for hour in range(6):
        agenda.book(MONDAY + timedelta(hours=hour))
    agenda.deliver(rounds=3)

    opened = agenda.account().open_until
    calls = len(agenda.google.asked(INSERT))
    assert opened is not None
    assert opened > agenda.clock()
    agenda.deliver(rounds=3)
    assert len(agenda.google.asked(INSERT)) == calls

    agenda.google.faults[INSERT].clear()
    agenda.clock.pass_(minutes=5)
    agenda.deliver()
    assert len(agenda.events()) == 6


def test_one_worker_at_a_time_speaks_for_an_account(linked: Links) -> None:
    agenda = linked()
    with (
        hold(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock),
        pytest.raises(Busy),
        hold(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock),
    ):
        pass
    with hold(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock) as held:
        agenda.clock.pass_(seconds=61)
        with (
            hold(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock),
            pytest.raises(Busy),
        ):
            held.renew()


def test_an_access_token_that_has_ended_is_refreshed_once(linked: Links) -> None:
    agenda = linked()
    agenda.clock.pass_(hours=2)
    for hour in range(3):
        agenda.book(MONDAY + timedelta(hours=hour))
    agenda.deliver()

    assert len(agenda.events()) == 3
    assert len(agenda.google.asked("oauth.token")) == 1


def test_at_l2_the_person_goes_once_reminded_and_written(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        before = PatientContact.objects.get(appointment=held)
    assert before.erase_at == held.ends_at

    agenda.clock.now = MONDAY - timedelta(hours=14, minutes=30)
    agenda.deliver(kinds="booking.reminder")

    with inside(agenda.unit):
        sent = OutboxEntry.objects.get(kind="booking.reminder", object_id=held.pk)
        gone = not PatientContact.objects.filter(appointment=held).exists()
    assert (sent.state, gone) == ("sent", True)
    assert agenda.events()[0]["summary"] == "Camille Spécimen"


@pytest.mark.parametrize("level", [Level.REFERENCE, Level.INITIALS])
def test_at_l0_and_l1_the_person_stays_until_the_end(linked: Links, level: Level) -> None:
    agenda = linked(level=level)
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = MONDAY - timedelta(hours=14, minutes=30)
    agenda.deliver(kinds="booking.reminder")

    with inside(agenda.unit):
        assert PatientContact.objects.get(appointment=held).erase_at == held.ends_at


def test_while_the_calendar_fails_the_person_stays_a_day_more_at_most(linked: Links) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.clock.pass_(hours=2)
    held = agenda.book(MONDAY)
    agenda.deliver()

    with inside(agenda.unit):
        contact = PatientContact.objects.get(appointment=held)
    assert contact.erase_at == held.ends_at + timedelta(hours=24)


def test_once_the_person_is_erased_a_move_keeps_the_words_of_the_event(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        contact = contacts.contact_of(held)
        assert contact is not None
        contacts.erase(contact=contact, rule="test", now=agenda.clock())
        held.refresh_from_db()

    move_to(agenda, held, MONDAY + timedelta(hours=1))
    agenda.deliver()

    (event,) = agenda.events()
    assert (event["summary"], starts_of(event)) == ("Camille Spécimen", MONDAY + timedelta(hours=1))


@pytest.mark.parametrize(("choice", "left"), [("anonymise", ["RDV"]), ("delete", [])])
def test_the_calendar_is_cleaned_before_the_person_goes_here(
    linked: Links, choice: str, left: list[str]
) -> None:
    agenda = linked(on_erasure=choice)
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = MONDAY - timedelta(hours=14, minutes=30)
    agenda.deliver(kinds="booking.reminder")
    with inside(agenda.unit):
        assert PatientContact.objects.filter(appointment=held).exists()
    assert agenda.events()[0]["summary"] == "Camille Spécimen"

    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver()

    assert [event["summary"] for event in agenda.events()] == left
    with inside(agenda.unit):
        assert not PatientContact.objects.filter(appointment=held).exists()


def test_what_cannot_be_cleaned_is_the_practitioners_to_do(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.revoke(ADDRESS)
    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver(rounds=3)
    agenda.clock.pass_(hours=25)
    agenda.deliver(rounds=3)

    with inside(agenda.unit):
        assert CalendarTask.objects.get().kind == CalendarTask.Kind.ERASE
        assert contacts.erase_due(now=agenda.clock()) == 1


def test_erased_and_cancelled_by_the_person_the_event_goes_too(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        erasing.erase_and_cancel(appointment=held, now=agenda.clock())
        assert not PatientContact.objects.filter(appointment=held).exists()
    agenda.deliver()

    assert agenda.events() == []


def test_erased_and_kept_the_event_is_anonymised_after_the_visit(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        erased_at = erasing.erase_and_keep(appointment=held, now=agenda.clock())
    # The calendar knows the person and how to reach them: here nobody is needed any more.
    assert erased_at == agenda.clock()
    assert agenda.events()[0]["summary"] == "Camille Spécimen"

    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver()
    assert [event["summary"] for event in agenda.events()] == ["RDV"]


def test_moved_to_a_colleague_without_google_the_event_goes(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        other = make_practitioner("Autre Exemple")
        agenda.cabinet.type.practitioners.add(other)
        make_hours(other, agenda.cabinet.location)
        move(
            appointment=held,
            choice=agenda.cabinet.choice(MONDAY, practitioner_id=other.pk),
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )
    agenda.deliver()

    assert agenda.events() == []


def test_a_practice_without_google_writes_nothing_for_it(tenant: object) -> None:
    make_appointment(Cabinet(), MONDAY)

    assert not CalendarEntry.objects.exists()
    assert not OutboxEntry.objects.filter(kind__startswith="calendar.").exists()


def test_nothing_of_the_person_goes_through_the_outbox(linked: Links) -> None:
    agenda = linked()
    agenda.book(MONDAY, last_name="Introuvable", first_name=uuid.uuid4().hex)
    with inside(agenda.unit):
        rows = list(OutboxEntry.objects.values())
    assert "Introuvable" not in str(rows)


def erase(agenda: Linked, held: Appointment) -> None:
    with inside(agenda.unit):
        contact = contacts.contact_of(held)
        assert contact is not None
        contacts.erase(contact=contact, rule="test", now=agenda.clock())
        held.refresh_from_db()


def test_what_an_event_says_is_known_once_it_was_cleaned(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    held = agenda.book(MONDAY)
    agenda.deliver()
    assert agenda.entry(held).level == Level.NAMED
    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver()

    assert agenda.entry(held).level == Level.REFERENCE


@pytest.mark.parametrize("loses", ["calendar", "level"])
def test_an_event_whose_name_nobody_knows_any_more_says_so_here_too(
    linked: Links, loses: str
) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    erase(agenda, held)

    if loses == "calendar":
        agenda.google.delete_calendar(ADDRESS, agenda.calendar())
    with inside(agenda.unit):
        account = GoogleAccount.objects.get()
        account.level = Level.INITIALS if loses == "level" else account.level
        account.save(update_fields=["level"])
        calendar_entries.push_all(account=account, since=agenda.clock(), now=agenda.clock())
    agenda.deliver()

    assert agenda.events()[0]["summary"].startswith("Réservé")
    assert agenda.entry(held).level == Level.REFERENCE


def test_an_identifier_that_is_taken_by_nothing_is_left_for_the_next(linked: Links) -> None:
    agenda = linked()
    before = agenda.calendar()
    agenda.google.faults[INSERT].append(Fault("answer", 409, "duplicate"))
    agenda.google.faults["calendar.events.get"].append(Fault("answer", 404, "notFound"))
    held = agenda.book(MONDAY)
    agenda.deliver()

    assert agenda.calendar() == before
    assert len(agenda.events()) == 1
    assert agenda.entry(held).generation == 1


def test_what_google_refuses_to_clean_is_the_practitioners_to_do(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.faults[PATCH].append(KNOWN["403 forbidden"])
    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver()

    with inside(agenda.unit):
        assert CalendarTask.objects.get().kind == CalendarTask.Kind.ERASE


def test_what_changed_hands_is_cleaned_in_the_calendar_where_it_stands(linked: Links) -> None:
    agenda = linked(on_erasure="delete")
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        other = make_practitioner("Autre Exemple")
        agenda.cabinet.type.practitioners.add(other)
        make_hours(other, agenda.cabinet.location)
        second = make_link(other, now=agenda.clock(), on_erasure="delete")
        moved = move(
            appointment=held,
            choice=agenda.cabinet.choice(MONDAY, practitioner_id=other.pk),
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )
    agenda.clock.now = moved.ends_at + timedelta(minutes=1)
    with inside(agenda.unit):
        entry = OutboxEntry.objects.get(kind="calendar.clean", version=moved.sequence)
        Clean(agenda.clock).prepare(entry, unit=agenda.unit, now=agenda.clock())
        cleaned = CalendarEntry.objects.filter(cleans_at__isnull=False)
        assert [one.account_id for one in cleaned] == [second.pk]


def test_another_choice_after_the_booking_keeps_nobody_longer(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        before = PatientContact.objects.get(appointment=held).erase_at
        account = GoogleAccount.objects.get()
        account.on_erasure = "anonymise"
        account.save(update_fields=["on_erasure"])
        calendar_entries.push_all(account=account, since=agenda.clock(), now=agenda.clock())
    agenda.deliver()

    with inside(agenda.unit):
        assert PatientContact.objects.get(appointment=held).erase_at <= before


def test_writing_everything_again_costs_the_same_whatever_there_is(linked: Links) -> None:
    agenda = linked()

    def statements() -> int:
        with inside(agenda.unit), CaptureQueriesContext(connection) as sent:
            account = GoogleAccount.objects.get()
            calendar_entries.push_all(account=account, since=agenda.clock(), now=agenda.clock())
        return len(sent)

    agenda.book(MONDAY)
    few = statements()
    for hour in range(1, 7):
        agenda.book(MONDAY + timedelta(hours=hour))

    assert statements() == few
