"""The day list, the week and what is done with one appointment, through the served pages."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.agenda.rows import rows_between
from booking.models import (
    Absence,
    Appointment,
    OpeningException,
    PatientContact,
    Practice,
)
from booking.rules import kinds
from tenants.accounts.models import Role
from tenants.audit.models import AuditEvent
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_person

TODAY = date(2026, 11, 10)
TOMORROW = date(2026, 11, 12)  # the 11th is a public holiday


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def slot(
    cabinet: Cabinet, on: date = TOMORROW, hour: str = "9h45", **fields: str
) -> dict[str, Any]:
    """Return what is typed to book by hand."""
    return {
        "name": "Lou Échantillon",
        "contact": "06 39 98 01 04",
        "practitioner": cabinet.practitioner.ref,
        "appointment_type": cabinet.type.ref,
        "place": cabinet.location.ref,
        "day": on.isoformat(),
        "hour": hour,
        "form_ref": uuid.uuid4(),
        **fields,
    }


def test_the_day_shows_names_hours_and_the_next_free_time(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(TODAY, 14))

    shown = owner.get(page("today")).text

    assert "Camille Spécimen" in shown
    assert "14\u00a0h" in shown
    assert "Prochain temps libre" in shown


def test_the_next_free_time_is_given_in_local_time(owner: Client, cabinet: Cabinet) -> None:
    shown = owner.get(page("today")).text

    assert "heure=10:30" not in shown  # past: it is 10:40
    assert "jour=2026-11-10&amp;heure=11:15" in shown


def test_an_empty_day_says_what_to_do(owner: Client) -> None:
    assert "Rien de prévu ce jour-là." in owner.get(page("today")).text


def test_a_row_without_a_person_keeps_its_reference(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TODAY, 14))
    PatientContact.objects.filter(appointment=appointment).delete()

    assert appointment.spoken_ref in owner.get(page("today")).text


def test_a_reminder_that_was_stopped_is_not_a_miss(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    OutboxEntry.objects.filter(kind=kinds.REMINDER, subject_id=appointment.pk).update(
        state="not_sent", reason="stopped", finished_at=NOW
    )

    rows = rows_between(
        practitioner_ids=[cabinet.practitioner.pk],
        starts_at=local(TOMORROW, 0),
        ends_at=local(TOMORROW, 23),
    )

    assert [row.is_reached for row in rows] == [True]


@pytest.mark.parametrize(
    ("mark", "status"),
    [("came", Appointment.Status.FULFILLED), ("absent", Appointment.Status.NOSHOW)],
)
def test_seen_and_absent_take_one_tap_and_can_be_taken_back(
    owner: Client, cabinet: Cabinet, mark: str, status: str
) -> None:
    appointment = make_appointment(cabinet, local(TODAY, 9))

    owner.post(page("mark", appointment.ref), {"mark": mark})
    marked = Appointment.objects.get(pk=appointment.pk).status
    owner.post(page("mark", appointment.ref), {"mark": "expected"})

    assert marked == status
    assert Appointment.objects.get(pk=appointment.pk).status == Appointment.Status.BOOKED


@pytest.mark.parametrize("count", [0, 1, 30])
@pytest.mark.parametrize("name", ["week"])
def test_lists_cost_the_same_whatever_their_length(
    owner: Client,
    cabinet: Cabinet,
    count_queries: Callable[[], Any],
    count: int,
    name: str,
) -> None:
    cabinet.type.duration_min = 10
    cabinet.type.save(update_fields=["duration_min"])
    for number in range(count):
        make_appointment(cabinet, local(TODAY, 9) + timedelta(minutes=10 * number))

    with count_queries() as queries:
        answer = owner.get(page(name))

    sent = [query["sql"] for query in queries if query["sql"].lstrip().upper().startswith("SELECT")]
    assert answer.status_code == 200
    # Two of them: whether a link with Google Agenda must be made again, and the questions of the form.
    assert len(sent) <= 16, sent


def test_ten_thousand_appointments_elsewhere_do_not_weigh_on_the_week(
    owner: Client, cabinet: Cabinet
) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO booking_appointment (ref, practitioner_id, location_id,"
            " appointment_type_id, status, origin, starts_at, ends_at, during, form_ref,"
            " booked_at, sequence, has_reminder)"
            " SELECT gen_random_uuid(), %s, %s, %s, 'cancelled_by_patient', 'patient', at,"
            " at + interval '30 minutes', tstzrange(at, at + interval '30 minutes'),"
            " gen_random_uuid(), timestamptz '2025-01-01', 0, true"
            " FROM generate_series(timestamptz '2026-01-01',"
            " timestamptz '2026-01-01' + interval '9999 hours', interval '1 hour') AS at",
            [cabinet.practitioner.pk, cabinet.location.pk, cabinet.type.pk],
        )
        assert cursor.rowcount == 10_000

    assert owner.get(page("week")).status_code == 200


def test_the_week_draws_blocks_absences_and_the_panel(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TODAY, 14))
    Absence.objects.create(
        starts_at=local(TOMORROW, 9), ends_at=local(TOMORROW, 12), label="Formation"
    )

    shown = owner.get(page("week"), {"du": TODAY.isoformat(), "rdv": str(appointment.ref)}).text

    assert "h14 m0 d45" in shown
    assert "Formation" in shown
    assert "Férié" in shown
    assert 'id="rdv-t"' in shown
    assert "06\u00a039\u00a098\u00a001\u00a004" in shown


def test_the_week_has_no_inline_style(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(TODAY, 14))

    assert "style=" not in owner.get(page("week")).text


def test_booking_by_hand(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(page("book"), slot(cabinet))

    appointment = Appointment.objects.get()
    shown = owner.get(answer["Location"]).text
    assert appointment.origin == Appointment.Origin.STAFF
    assert appointment.starts_at == local(TOMORROW, 9, 45)
    assert "Lou Échantillon" in shown
    assert AuditEvent.objects.filter(verb="appointment.booked", ref=appointment.ref).count() == 1


@pytest.mark.parametrize(
    ("email", "is_hinted"), [("lou@gmial.com", True), ("lou@example.org", False)]
)
def test_a_likely_typing_error_is_a_hint_after_the_booking(
    owner: Client, cabinet: Cabinet, email: str, is_hinted: bool
) -> None:
    answer = owner.post(page("book"), slot(cabinet, contact=email), follow=True)

    assert Appointment.objects.get().status == Appointment.Status.BOOKED
    assert ("vouliez-vous dire «\u00a0gmail.com\u00a0»" in answer.text) is is_hinted


def test_booking_by_hand_without_a_name_or_contact(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(page("book"), slot(cabinet, name="", contact=""))

    assert answer.status_code == 302
    assert not PatientContact.objects.exists()


def test_sending_the_form_twice_books_once(owner: Client, cabinet: Cabinet) -> None:
    typed = slot(cabinet)

    first = owner.post(page("book"), typed)
    second = owner.post(page("book"), typed)

    assert first["Location"] == second["Location"]
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "typed", "expected"),
    [
        ("hour", "25h", "Cette heure ne semble pas valide"),
        ("contact", "12", "Ce numéro ne semble pas valide"),
        ("contact", "lou@", "Cette adresse e-mail ne semble pas valide"),
        ("day", "31/02/2026", "Cette date ne semble pas valide"),
    ],
)
def test_an_error_stands_beside_its_field_and_nothing_is_lost(
    owner: Client, cabinet: Cabinet, field: str, typed: str, expected: str
) -> None:
    answer = owner.post(page("book"), slot(cabinet, **dict[str, Any]({field: typed})))

    assert answer.status_code == 422
    assert expected in answer.text
    assert 'value="Lou Échantillon"' in answer.text
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize(
    ("on", "hour", "expected"),
    [
        (TOMORROW, "20h", "en dehors de vos horaires"),
        (date(2026, 11, 11), "10h", "un jour férié fermé"),
        (date(2026, 11, 14), "10h", "en dehors de vos horaires"),
    ],
)
def test_opening_rules_warn_once_and_let_pass(
    owner: Client, cabinet: Cabinet, on: date, hour: str, expected: str
) -> None:
    typed = slot(cabinet, on, hour)

    warned = owner.post(page("book"), typed)
    passed = owner.post(page("book"), {**typed, "anyway": "on"})

    assert (warned.status_code, passed.status_code) == (422, 302)
    assert expected in warned.text
    assert 'name="anyway" value="on"' in warned.text


def test_hours_written_for_a_holiday_need_no_warning(owner: Client, cabinet: Cabinet) -> None:
    OpeningException.objects.create(
        practitioner=cabinet.practitioner,
        location=cabinet.location,
        on_date=date(2026, 11, 11),
        starts_min=10 * 60,
        ends_min=12 * 60,
    )

    booked = owner.post(page("book"), slot(cabinet, date(2026, 11, 11), "10h"))
    warned = owner.post(page("book"), slot(cabinet, date(2026, 11, 11), "15h"))

    assert (booked.status_code, warned.status_code) == (302, 422)
    assert "en dehors de vos horaires" in warned.text


def test_an_absence_warns_too(owner: Client, cabinet: Cabinet) -> None:
    Absence.objects.create(starts_at=local(TOMORROW, 8), ends_at=local(TOMORROW, 12))

    assert "pendant une absence" in owner.post(page("book"), slot(cabinet)).text


def test_a_taken_hour_offers_the_nearest_and_keeps_what_was_typed(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(TOMORROW, 9, 45))

    answer = owner.post(page("book"), slot(cabinet))

    assert answer.status_code == 409
    assert "Cette heure est déjà prise" in answer.text
    assert "Libre près de là" in answer.text
    assert 'value="Lou Échantillon"' in answer.text


def test_beyond_the_promised_limit_staff_are_refused_too(owner: Client, cabinet: Cabinet) -> None:
    late = date(2027, 11, 9)

    answer = owner.post(page("book"), slot(cabinet, late, anyway="on"))

    assert answer.status_code == 409
    assert "Pas au-delà du" in answer.text
    assert not Appointment.objects.exists()


def test_nobody_books_in_an_agenda_out_of_reach(cabinet: Cabinet, host: str) -> None:
    secretary = make_member(Role.SECRETARY, entrusted=[uuid.uuid4()])

    answer = browser(host, secretary).post(page("book"), slot(cabinet))

    assert answer.status_code == 422
    assert not Appointment.objects.exists()


@pytest.mark.parametrize("notify", [True, False])
def test_moving_keeps_the_row_and_asks_whether_to_notify(
    owner: Client, cabinet: Cabinet, notify: bool
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    typed = slot(cabinet, hour="15h", **dict[str, Any]({"notify": "on"} if notify else {}))

    owner.post(page("move", appointment.ref), typed)

    moved = Appointment.objects.get()
    assert (moved.pk, moved.starts_at, moved.sequence) == (appointment.pk, local(TOMORROW, 15), 1)
    assert OutboxEntry.objects.filter(kind=kinds.MOVED).exists() == notify


def test_the_move_form_does_not_propose_to_notify(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    shown = owner.get(page("move", appointment.ref)).text

    assert 'name="notify"' in shown
    assert "checked" not in shown


def test_cancelling_asks_once_and_frees_the_slot(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    asked = owner.get(page("cancel", appointment.ref))
    before = Appointment.objects.get().status
    owner.post(page("cancel", appointment.ref), {"notify": "on", "reason": "practice"})

    assert asked.status_code == 200
    assert before == Appointment.Status.BOOKED
    assert Appointment.objects.get().status == Appointment.Status.CANCELLED_BY_PRACTITIONER
    assert OutboxEntry.objects.filter(kind=kinds.CANCELLED_BY_PRACTITIONER).count() == 1


def test_cancelling_for_the_person_counts_as_theirs_and_writes_no_apology(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    owner.post(page("cancel", appointment.ref), {"notify": "on", "reason": "person"})

    due = set(OutboxEntry.objects.values_list("kind", flat=True))
    assert Appointment.objects.get().status == Appointment.Status.CANCELLED_BY_PATIENT
    assert kinds.CANCELLED_BY_PATIENT in due
    assert not due & {kinds.CANCELLED_BY_PRACTITIONER, kinds.SLOT_FREED}


def test_cancelling_asks_for_whom(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    refused = owner.post(page("cancel", appointment.ref), {"notify": "on"})

    assert refused.status_code == 422
    assert "Dites pour qui vous annulez." in refused.text
    assert Appointment.objects.get().status == Appointment.Status.BOOKED


def test_staff_cancel_for_the_person_after_the_limit(owner: Client, cabinet: Cabinet) -> None:
    """The limit asks people to telephone: the secretary who answers can cancel for them."""
    cabinet.type.cancel_hours = 24 * 14
    cabinet.type.save(update_fields=["cancel_hours"])
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    owner.post(page("cancel", appointment.ref), {"notify": "", "reason": "person"})

    assert Appointment.objects.get().status == Appointment.Status.CANCELLED_BY_PATIENT


def test_cancelling_twice_says_so(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    owner.post(page("cancel", appointment.ref), {"reason": "practice"})

    again = owner.post(page("cancel", appointment.ref), {"reason": "practice"}, follow=True)

    assert "déjà annulé" in again.text


def test_correcting_a_contact(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    owner.post(page("correct", appointment.ref), {"phone": "06 39 98 01 05", "email": ""})

    shown = owner.get(page("appointment", appointment.ref)).text
    assert "06\u00a039\u00a098\u00a001\u00a005" in shown
    assert "camille@example.org" not in shown


def test_erasing_stops_messages(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    owner.post(page("erase", appointment.ref))

    pending = OutboxEntry.objects.filter(
        subject_id=appointment.pk, kind=kinds.REMINDER, state="pending"
    )
    assert not pending.exists()


def test_names_are_never_in_the_audit_trail(owner: Client, cabinet: Cabinet) -> None:
    owner.post(page("book"), slot(cabinet))

    assert "Échantillon" not in str(list(AuditEvent.objects.values()))


def test_a_person_booked_by_name_only_is_listed_by_name(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(
        cabinet, local(TODAY, 14), person=make_person(first_name="", phone="", email="")
    )

    assert "Spécimen" in owner.get(page("today")).text


def test_settings_of_the_practice_are_one_row(cabinet: Cabinet) -> None:
    assert Practice.objects.count() == 1
