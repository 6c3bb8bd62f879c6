"""Services that hold, book, move, cancel and mark appointments."""

import uuid
from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from booking.appointments.attendance import mark
from booking.appointments.book import book, book_by_staff
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.models import Appointment, OpeningHours, PatientContact
from booking.patients import contacts, links
from booking.rules import kinds
from booking.rules.errors import (
    AlreadyCancelled,
    BeyondPromise,
    NotBookable,
    SlotTaken,
    TooLate,
    TooManyHolds,
)
from booking.rules.persons import Person
from booking.scheduling import absences
from booking.scheduling.absences import BlockedTime
from booking.scheduling.slots import (
    HOLD_FOR,
    hold_slot,
    release,
)
from tenants.audit.models import AuditEvent
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.factories import NOW, Cabinet, local, make_appointment, make_person

NETWORK = b"n" * 32
THURSDAY = date(2026, 11, 12)
NINE = local(THURSDAY, 9)
TEN_THIRTY = local(THURSDAY, 10, 30)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    return Cabinet()


def hold(cabinet: Cabinet, starts_at: datetime = NINE, **fields: object) -> Appointment:
    values: dict[str, object] = {
        "selection": cabinet.selection(starts_at),
        "form_ref": uuid.uuid4(),
        "network_index": NETWORK,
        "now": NOW,
    } | fields
    return hold_slot(**values)  # type: ignore[arg-type]  # fields of the test


def confirm(cabinet: Cabinet, form_ref: uuid.UUID, **fields: object) -> Appointment:
    appointment = Appointment.objects.filter(form_ref=form_ref).first()
    values: dict[str, object] = {
        "selection": cabinet.selection(appointment.starts_at if appointment else NINE),
        "form_ref": form_ref,
        "person": make_person(),
        "is_open": True,
        "now": NOW,
    } | fields
    return book(**values)  # type: ignore[arg-type]  # fields of the test


def entries(appointment: Appointment) -> dict[str, str]:
    rows = OutboxEntry.objects.filter(subject_id=appointment.pk).order_by("pk")
    return {row.kind: row.state for row in rows}


def test_a_hold_occupies_the_slot_and_stores_no_person(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)

    assert slot_hold.status == Appointment.Status.HELD
    assert slot_hold.held_until == NOW + HOLD_FOR
    assert not PatientContact.objects.exists()
    with pytest.raises(SlotTaken):
        hold(cabinet, network_index=b"m" * 32)


def test_choosing_another_slot_frees_the_first(cabinet: Cabinet) -> None:
    form = uuid.uuid4()
    hold(cabinet, NINE, form_ref=form)
    hold(cabinet, TEN_THIRTY, form_ref=form)

    assert [row.starts_at for row in Appointment.objects.all()] == [TEN_THIRTY]


def test_a_suspect_network_holds_three_slots_at_most(cabinet: Cabinet) -> None:
    for hour in (9, 10, 11):
        hold(cabinet, local(THURSDAY, hour, {9: 0, 10: 30, 11: 15}[hour]))

    with pytest.raises(TooManyHolds):
        hold(cabinet, local(THURSDAY, 15), is_suspect=True)
    hold(cabinet, local(THURSDAY, 15), network_index=b"m" * 32, is_suspect=True)


def test_a_network_holds_twenty_slots_at_most(cabinet: Cabinet) -> None:
    mornings = [THURSDAY + timedelta(days=week * 7) for week in range(7)]
    starts = [local(day, hour) for day in mornings for hour in (9, 12, 15)]
    for starts_at in starts[:20]:
        hold(cabinet, starts_at)

    with pytest.raises(TooManyHolds):
        hold(cabinet, starts[20])
    hold(cabinet, starts[20], network_index=b"m" * 32)


def test_an_expired_hold_neither_hides_the_slot_nor_counts(cabinet: Cabinet) -> None:
    for minute in (0, 45):
        hold(cabinet, local(THURSDAY, 9, minute))
    later = NOW + HOLD_FOR

    again = hold(cabinet, NINE, now=later)

    assert again.status == Appointment.Status.HELD
    assert Appointment.objects.filter(starts_at=NINE).count() == 1


def test_a_slot_that_is_not_proposed_cannot_be_held(cabinet: Cabinet) -> None:
    with pytest.raises(SlotTaken):
        hold(cabinet, local(THURSDAY, 9, 7))
    with pytest.raises(SlotTaken):
        hold(cabinet, local(THURSDAY, 3))


def test_releasing_a_hold_frees_the_slot(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)

    assert release(form_ref=slot_hold.form_ref) == 1
    assert not Appointment.objects.exists()


def test_booking_turns_the_hold_into_the_appointment(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)
    appointment = confirm(cabinet, slot_hold.form_ref)

    appointment.refresh_from_db()
    contact = PatientContact.objects.select_related("data_key").get()

    assert appointment.pk == slot_hold.pk
    assert (appointment.status, appointment.booked_at) == (Appointment.Status.BOOKED, NOW)
    assert contacts.open_contact(contact) == make_person()
    assert contact.erase_at == appointment.ends_at
    assert b"camille" not in bytes(contact.sealed).lower()
    assert entries(appointment) == {kinds.CONFIRMATION: "pending", kinds.REMINDER: "pending"}
    assert [event.verb for event in AuditEvent.objects.all()] == ["appointment.booked"]


def test_the_reminder_is_due_the_day_before_at_the_practices_hour(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)
    appointment = confirm(cabinet, slot_hold.form_ref)

    reminder = OutboxEntry.objects.get(kind=kinds.REMINDER, subject_id=appointment.pk)

    assert reminder.due_at == local(date(2026, 11, 11), 18)
    assert reminder.expires_at == reminder.due_at + timedelta(hours=2)


def test_a_second_click_returns_the_same_booking(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)
    first = confirm(cabinet, slot_hold.form_ref)
    second = confirm(cabinet, slot_hold.form_ref)

    assert first.pk == second.pk
    assert PatientContact.objects.count() == 1
    assert OutboxEntry.objects.filter(kind=kinds.CONFIRMATION).count() == 1


def test_an_expired_hold_still_books_a_free_slot(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)

    appointment = confirm(cabinet, slot_hold.form_ref, now=NOW + timedelta(minutes=40))

    assert appointment.status == Appointment.Status.BOOKED


def test_booking_with_a_deleted_hold_on_a_taken_slot_raises_slot_taken(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)
    later = NOW + timedelta(minutes=40)
    other = hold(cabinet, now=later, network_index=b"m" * 32)

    with pytest.raises(SlotTaken):
        confirm(cabinet, slot_hold.form_ref, now=later)
    assert Appointment.objects.get().pk == other.pk


def test_an_expired_hold_books_only_what_is_still_proposed(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)
    later = NOW + timedelta(minutes=40)
    OpeningHours.objects.all().delete()

    with pytest.raises(SlotTaken):
        confirm(cabinet, slot_hold.form_ref, now=later)


def test_an_expired_hold_does_not_book_what_is_past(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)

    with pytest.raises(SlotTaken):
        confirm(cabinet, slot_hold.form_ref, now=NINE + timedelta(minutes=1))


@pytest.mark.parametrize("of_everybody", [True, False])
def test_an_absence_deletes_the_holds_in_its_time(cabinet: Cabinet, of_everybody: bool) -> None:
    appointment, other = hold(cabinet), hold(cabinet, TEN_THIRTY)
    blocked = BlockedTime(
        None if of_everybody else cabinet.practitioner,
        NINE - timedelta(hours=1),
        NINE + timedelta(minutes=10),
    )
    absences.add(blocked=blocked, actor="user:1", now=NOW)

    with pytest.raises(SlotTaken):
        confirm(cabinet, appointment.form_ref)
    assert (
        confirm(cabinet, other.form_ref, selection=cabinet.selection(TEN_THIRTY)).is_cancelled
        is False
    )


def test_the_database_itself_refuses_an_overlap(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)
    appointment.pk, appointment.ref, appointment.form_ref = None, uuid.uuid4(), uuid.uuid4()
    appointment.manage_hash = appointment.short_hash = None

    with pytest.raises(IntegrityError), transaction.atomic():
        appointment.save(force_insert=True)


def test_the_bookings_of_a_person_do_not_change_the_answer_to_another_form(
    cabinet: Cabinet,
) -> None:
    """Whether somebody is a patient is not told: the limit counts what one visitor books (booking.abuse)."""
    for hour in (9, 12, 15):
        make_appointment(cabinet, local(THURSDAY, hour))
    slot_hold = hold(cabinet, local(THURSDAY, 16, 30))

    assert confirm(cabinet, slot_hold.form_ref).status == Appointment.Status.BOOKED


def test_staff_are_not_limited(cabinet: Cabinet) -> None:
    for hour in (9, 12, 15):
        make_appointment(cabinet, local(THURSDAY, hour))

    assert make_appointment(cabinet, local(THURSDAY, 16, 30)).origin == Appointment.Origin.STAFF


def test_a_suspended_practice_takes_no_booking(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)

    with pytest.raises(NotBookable):
        confirm(cabinet, slot_hold.form_ref, is_open=False)


def test_staff_may_book_outside_the_opening_hours_without_a_name(cabinet: Cabinet) -> None:
    night = local(THURSDAY, 20)

    appointment = make_appointment(cabinet, night, person=Person())

    assert appointment.starts_at == night
    assert not PatientContact.objects.exists()


def test_staff_cannot_book_beyond_the_promise(cabinet: Cabinet) -> None:
    with pytest.raises(BeyondPromise):
        make_appointment(cabinet, NOW + timedelta(days=360))


def test_a_move_keeps_the_row_and_booked_at(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)
    later = NOW + timedelta(hours=1)

    moved = move(
        appointment=appointment,
        selection=cabinet.selection(TEN_THIRTY),
        by_patient=True,
        actor="patient",
        now=later,
    )
    moved.refresh_from_db()

    assert (moved.pk, moved.ref, moved.booked_at) == (appointment.pk, appointment.ref, NOW)
    assert (moved.starts_at, moved.sequence) == (TEN_THIRTY, 1)
    assert PatientContact.objects.get().erase_at == moved.ends_at
    states = OutboxEntry.objects.filter(kind=kinds.REMINDER).order_by("payload__sequence")
    assert [(row.payload["sequence"], row.state) for row in states] == [
        (0, "not_sent"),
        (1, "pending"),
    ]


def test_a_move_cannot_exceed_the_promise_of_the_first_booking(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)

    with pytest.raises(BeyondPromise):
        move(
            appointment=appointment,
            selection=cabinet.selection(NOW + timedelta(days=360)),
            by_patient=False,
            actor="system",
            now=NOW + timedelta(days=1),
        )


def test_a_move_to_a_taken_time_is_refused(cabinet: Cabinet) -> None:
    make_appointment(cabinet, NINE)
    mine = make_appointment(cabinet, TEN_THIRTY)

    with pytest.raises(SlotTaken):
        move(
            appointment=mine,
            selection=cabinet.selection(NINE + timedelta(minutes=30)),
            by_patient=False,
            actor="system",
            now=NOW,
        )
    mine.refresh_from_db()
    assert mine.starts_at == TEN_THIRTY


def test_a_small_move_may_overlap_its_own_time(cabinet: Cabinet) -> None:
    mine = make_appointment(cabinet, NINE)

    moved = move(
        appointment=mine,
        selection=cabinet.selection(NINE + timedelta(minutes=15)),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    assert moved.starts_at == NINE + timedelta(minutes=15)


def test_cancelling_frees_the_slot_and_erases_within_a_day(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)

    cancel(appointment=appointment, by_patient=True, actor="patient", now=NOW)

    assert PatientContact.objects.get().erase_at == NOW + timedelta(hours=24)
    assert entries(appointment) == {
        kinds.CONFIRMATION: "not_sent",
        kinds.REMINDER: "not_sent",
        kinds.CANCELLED_BY_PATIENT: "pending",
        kinds.SLOT_FREED: "pending",
    }
    make_appointment(cabinet, NINE)


def test_cancelling_twice_is_refused(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)
    cancel(appointment=appointment, by_patient=True, actor="patient", now=NOW)

    with pytest.raises(AlreadyCancelled):
        cancel(appointment=appointment, by_patient=True, actor="patient", now=NOW)


def test_a_patient_cannot_cancel_after_the_limit_of_the_appointment_type(cabinet: Cabinet) -> None:
    cabinet.type.cancel_hours = 24
    cabinet.type.save(update_fields=["cancel_hours"])
    appointment = make_appointment(cabinet, NINE)
    too_late = NINE - timedelta(hours=24)

    with pytest.raises(TooLate) as refusal:
        cancel(appointment=appointment, by_patient=True, actor="patient", now=too_late)
    cancel(appointment=appointment, by_patient=False, actor="system", now=too_late)

    assert refusal.value.until == too_late


def test_cancelling_after_the_erasure_still_frees_the_slot(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)
    contact = contacts.contact_of(appointment)
    assert contact is not None
    contacts.erase(contact=contact, rule="test", now=NOW)

    cancelled = cancel(appointment=appointment, by_patient=True, actor="patient", now=NOW)

    assert cancelled.is_cancelled
    assert entries(appointment)[kinds.SLOT_FREED] == "pending"


def test_marking_keeps_no_history(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)

    mark(appointment=appointment, status=Appointment.Status.NOSHOW, actor="user:1", now=NOW)
    mark(appointment=appointment, status=Appointment.Status.BOOKED, actor="user:1", now=NOW)
    appointment.refresh_from_db()

    assert appointment.status == Appointment.Status.BOOKED


def test_a_link_finds_its_appointment_and_no_other(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)

    assert links.find_by_token(links.manage_token(appointment)) == appointment
    assert links.find_by_token(links.short_token(appointment)) == appointment
    assert links.find_by_token("x" * 43) is None


def test_a_hold_has_no_link(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)

    assert links.find_by_token(links.manage_token(slot_hold)) is None


def test_a_correction_notifies_the_old_address_once(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)

    corrected = contacts.correct(
        appointment=appointment, phone=None, email="nouvelle@example.org", actor="patient", now=NOW
    )

    assert corrected is not None
    assert corrected.email == "nouvelle@example.org"
    assert corrected.previous_email == "camille@example.org"
    assert entries(appointment)[kinds.CONTACT_CORRECTED] == "pending"


def test_an_erasure_leaves_a_receipt_and_destroys_the_key(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)
    contact = contacts.contact_of(appointment)
    assert contact is not None

    receipt = contacts.erase(contact=contact, rule="erased_by_person", now=NOW)
    appointment.refresh_from_db()

    assert appointment.erased_at == NOW
    assert not PatientContact.objects.exists()
    assert receipt.subject_ref == appointment.ref
    assert entries(appointment) == {kinds.CONFIRMATION: "not_sent", kinds.REMINDER: "not_sent"}


def test_erase_at_beyond_the_promise_is_refused_by_the_database(cabinet: Cabinet) -> None:
    make_appointment(cabinet, NINE)

    with pytest.raises(IntegrityError), transaction.atomic():
        PatientContact.objects.update(erase_at=NOW + timedelta(days=358))


def test_a_booking_takes_twelve_statements_at_most(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet)

    with CaptureQueriesContext(connection) as captured:
        confirm(cabinet, slot_hold.form_ref)

    assert len(captured) <= 12, [query["sql"][:90] for query in captured]


def test_hours_may_not_end_before_they_start(cabinet: Cabinet) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        OpeningHours.objects.create(
            practitioner=cabinet.practitioner,
            location=cabinet.location,
            weekday=0,
            starts_min=600,
            ends_min=600,
        )


def test_staff_booking_twice_with_one_form_is_one_booking(cabinet: Cabinet) -> None:
    form = uuid.uuid4()

    def by_hand() -> Appointment:
        return book_by_staff(
            selection=cabinet.selection(NINE),
            form_ref=form,
            person=make_person(),
            actor="user:1",
            now=NOW,
        )

    assert by_hand().pk == by_hand().pk


def test_a_form_whose_page_shows_another_slot_books_what_it_shows(cabinet: Cabinet) -> None:
    form_ref = uuid.uuid4()
    shown, held_since = cabinet.selection(NINE), cabinet.selection(TEN_THIRTY)
    hold_slot(selection=held_since, form_ref=form_ref, network_index=NETWORK, now=NOW)

    booked = book(selection=shown, form_ref=form_ref, person=make_person(), is_open=True, now=NOW)

    assert booked.starts_at == NINE
    assert Appointment.objects.count() == 1


def test_a_stale_page_cannot_mark_a_cancelled_appointment(
    cabinet: Cabinet,
) -> None:
    stale = make_appointment(cabinet, NINE)
    fresh = Appointment.objects.get(pk=stale.pk)
    cancel(appointment=fresh, by_patient=False, actor="system", now=NOW)

    with pytest.raises(AlreadyCancelled):
        mark(appointment=stale, status=Appointment.Status.FULFILLED, actor="system", now=NOW)

    assert Appointment.objects.get(pk=stale.pk).is_cancelled
