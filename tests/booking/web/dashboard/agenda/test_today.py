"""Today: the day list, who is to be called, what changed, and one sheet of paper for each agenda."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from booking.agenda.changes import MOST, changes_for
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.models import Appointment, LastVisit, PatientContact
from booking.patients import contacts
from booking.rules import kinds
from tenants.accounts.models import Role, User
from tenants.audit.models import AuditEvent
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_hours,
    make_practitioner,
    make_type,
)
from tests.page_text import collapsed

TODAY = date(2026, 11, 10)
TOMORROW = date(2026, 11, 12)  # the 11th is a public holiday
PAGE = reverse("dashboard:today")
SEEN = reverse("dashboard:seen")


@pytest.fixture
def user(cabinet: Cabinet) -> User:
    """Return the owner of the practice."""
    return make_member(Role.OWNER)


@pytest.fixture
def owner(user: User, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, user)


def missed(cabinet: Cabinet, state: str, reason: str = "", **fields: Any) -> Appointment:
    """Return an appointment of tomorrow whose reminder ended so."""
    appointment = make_appointment(cabinet, local(TOMORROW, 14), **fields)
    OutboxEntry.objects.filter(kind=kinds.REMINDER, subject_id=appointment.pk).update(
        state=state, reason=reason, finished_at=NOW
    )
    return appointment


def tomorrow(client: Client) -> str:
    """Return the page of tomorrow."""
    return collapsed(str(client.get(PAGE, {"jour": TOMORROW.isoformat()}).text))


def mark_of(shown: str) -> str:
    """Return the act up to which the page was read, as its form carries it."""
    return shown.partition('name="until" value="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("state", "reason", "what", "advice"),
    [
        ("no_channel", "", "Pas d’adresse où écrire.", "ajoutez son e-mail"),
        ("failed", "refused", "a refusé le message", "corrigez son e-mail"),
        (
            "failed",
            "unreachable",
            "service d’envoi n’a pas répondu",
            "son adresse n’est pas en cause",
        ),
        ("failed", "deferred", "a été reportée jusqu’au bout", "boîte est peut-être pleine"),
        ("failed", "too_long", "ne tient pas dans un SMS", "raccourcissez"),
        ("failed", "KeyError", "Le message n’a pas pu être remis", "Appelez la personne"),
        ("not_sent", "late", "n’a pas pu partir à temps", "Appelez la personne"),
        (
            "not_sent",
            "quiet_hours",
            "rien ne part entre 20\u00a0h et 8\u00a0h",
            "Appelez la personne",
        ),
    ],
)
def test_the_day_says_who_was_not_reached_why_and_what_to_do(
    owner: Client, cabinet: Cabinet, state: str, reason: str, what: str, advice: str
) -> None:
    missed(cabinet, state, reason)

    shown = tomorrow(owner)

    assert "1 personne n’a pas reçu son rappel" in shown
    assert what in shown
    assert advice in shown
    assert 'href="tel:+33639980104"' in shown


@pytest.mark.parametrize("reason", ["moved", "cancelled", "erased", "person", "stopped"])
def test_what_was_not_sent_for_good_reason_is_no_miss(
    owner: Client, cabinet: Cabinet, reason: str
) -> None:
    missed(cabinet, "not_sent", reason)

    assert "Non joint" not in tomorrow(owner)


def test_a_reminder_sent_again_counts_as_it_ended_then(owner: Client, cabinet: Cabinet) -> None:
    appointment = missed(cabinet, "failed", "refused")
    OutboxEntry.objects.create(
        kind=kinds.REMINDER, subject_id=appointment.pk, payload={"sequence": 0},
        dedup_key="0#again.1", due_at=NOW, state="sent",
        created_at=NOW, finished_at=NOW,
    )  # fmt: skip

    assert "Non joint" not in tomorrow(owner)


def test_a_call_is_noted_once_for_everybody_and_can_be_taken_back(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = missed(cabinet, "failed", "refused")
    address = reverse("dashboard:call", args=[appointment.ref])

    owner.post(address)
    noted = tomorrow(owner)
    owner.post(address, {"action": "reopen"})
    again = tomorrow(owner)

    assert "n’a pas reçu son rappel" not in noted
    assert "Appel noté" in noted
    assert "1 personne n’a pas reçu son rappel" in again
    events = AuditEvent.objects.filter(ref=appointment.ref).order_by("id")
    assert list(events.values_list("verb", flat=True))[1:] == [
        "appointment.called",
        "appointment.uncalled",
    ]


def test_a_call_about_an_earlier_date_does_not_hide_a_new_miss(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = missed(cabinet, "failed", "refused")
    owner.post(reverse("dashboard:call", args=[appointment.ref]))

    OutboxEntry.objects.filter(kind=kinds.REMINDER).update(finished_at=NOW + timedelta(hours=1))

    assert "1 personne n’a pas reçu son rappel" in tomorrow(owner)


def test_nobody_is_to_be_called_about_a_visit_that_is_over(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TODAY, 9), now=NOW - timedelta(days=3))
    OutboxEntry.objects.filter(kind=kinds.REMINDER, subject_id=appointment.pk).update(
        state="failed", reason="refused", finished_at=NOW
    )

    assert "n’a pas reçu son rappel" not in owner.get(PAGE).text


def test_a_row_without_a_person_has_reference_hour_and_appointment_type(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = missed(cabinet, "failed", "refused")
    PatientContact.objects.filter(appointment=appointment).delete()

    shown = tomorrow(owner)

    assert f"Réf. {appointment.spoken_ref}" in shown
    assert "14\u00a0h" in shown
    assert "Consultation, Cabinet" in shown
    assert "Aucun numéro n’est connu ici" in shown


@pytest.mark.parametrize("mark", ["came", "absent", "expected"])
def test_a_tap_comes_back_to_its_own_line(owner: Client, cabinet: Cabinet, mark: str) -> None:
    appointment = make_appointment(cabinet, local(TODAY, 9))

    answer = owner.post(reverse("dashboard:mark", args=[appointment.ref]), {"mark": mark})

    assert answer["Location"] == f"{PAGE}?jour=2026-11-10#r{appointment.ref.hex}"
    assert f'id="r{appointment.ref.hex}"' in owner.get(PAGE).text


def test_each_practitioner_has_a_next_free_time_of_their_own_appointment_type(
    owner: Client, cabinet: Cabinet
) -> None:
    other = make_practitioner("Hugo Fictif", position=1)
    make_type([other], [cabinet.location], label="Bilan", duration_min=30, position=9)
    make_hours(other, cabinet.location, starts_min=16 * 60, ends_min=17 * 60)
    make_practitioner("Léa Modèle", position=2)

    shown = owner.get(PAGE).text

    assert f"praticien={cabinet.practitioner.ref}&amp;jour=2026-11-10&amp;heure=11:15" in shown
    assert f"praticien={other.ref}&amp;jour=2026-11-10&amp;heure=16:00" in shown
    assert "(Bilan, 30 min)" in shown
    assert shown.count("Rien de libre dans les quinze jours.") == 1


# --- What changed ---------------------------------------------------------------------------------------


def test_changes_by_others_since_yesterday_are_shown_at_the_first_visit(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))
    make_appointment(cabinet, local(TOMORROW, 16), now=NOW - timedelta(days=2))

    shown = collapsed(owner.get(PAGE).text)

    assert "1 changement depuis hier" in shown
    assert "Camille Spécimen" in shown
    assert "Pris par le cabinet" in shown


def test_seen_changes_are_not_shown_again_and_later_ones_are(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    owner.post(SEEN, {"until": mark_of(owner.get(PAGE).text)})
    nothing = owner.get(PAGE).text
    cancel(appointment=appointment, by_patient=True, actor="patient", now=NOW)
    after = collapsed(owner.get(PAGE).text)

    assert "changement" not in nothing
    assert "1 changement depuis votre dernière lecture, le mardi" in after
    assert "Annulé par la personne" in after


def test_one_line_an_appointment_whatever_happened_to_it(user: User, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    move(
        appointment=appointment, selection=cabinet.selection(local(TOMORROW, 16)), by_patient=False,
        actor="user:0", now=NOW,
    )  # fmt: skip

    found = changes_for(
        user=user,
        practitioner_ids=[cabinet.practitioner.pk],
        zone=ZoneInfo("Europe/Paris"),
        now=NOW,
    )

    assert [change.verb for change in found.lines] == ["appointment.moved"]


def test_ones_own_acts_are_no_news(user: User, owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    owner.post(SEEN, {"until": mark_of(owner.get(PAGE).text)})
    owner.post(reverse("dashboard:cancel", args=[appointment.ref]))

    assert "changement" not in owner.get(PAGE).text


def test_changes_of_agendas_out_of_reach_are_not_shown(cabinet: Cabinet, host: str) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))
    other = make_practitioner("Hugo Fictif", position=1)
    secretary = make_member(Role.SECRETARY, entrusted=[other.ref])

    shown = browser(host, secretary).get(PAGE).text

    assert "changement" not in shown
    assert "Spécimen" not in shown


@pytest.mark.parametrize("typed", ["", "-3", "x", "9" * 40, "٣"])
def test_a_mark_that_is_none_changes_nothing(owner: Client, cabinet: Cabinet, typed: str) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))

    answer = owner.post(SEEN, {"until": typed})

    assert answer.status_code == 302
    assert not LastVisit.objects.exists()


def test_a_mark_goes_neither_beyond_the_audit_trail_nor_backwards(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))
    last = AuditEvent.objects.order_by("-id")[0].id

    owner.post(SEEN, {"until": "999999999"})
    owner.post(SEEN, {"until": "1"})

    assert LastVisit.objects.get().event_id == last


def test_looking_changes_nothing(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))

    owner.get(PAGE)

    assert not LastVisit.objects.exists()


def test_a_mark_holds_no_word_about_a_patient(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))

    owner.post(SEEN, {"until": mark_of(owner.get(PAGE).text)})

    assert "Spécimen" not in str(list(LastVisit.objects.values()))
    assert "camille" not in str(list(LastVisit.objects.values()))


def test_after_holidays_the_list_stays_short(owner: Client, cabinet: Cabinet) -> None:
    cabinet.type.duration_min = 5
    cabinet.type.save(update_fields=["duration_min"])
    for number in range(MOST + 3):
        make_appointment(cabinet, local(TOMORROW, 9) + timedelta(minutes=5 * number))

    shown = collapsed(owner.get(PAGE).text)

    assert f"{MOST} changements depuis hier" in shown
    assert "Il y en a d’autres" in shown


# --- Costs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 40])
def test_the_day_costs_the_same_whatever_its_length(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any], count: int
) -> None:
    cabinet.type.duration_min = 10
    cabinet.type.save(update_fields=["duration_min"])
    for number in range(count):
        make_appointment(cabinet, local(TODAY, 9) + timedelta(minutes=10 * number))
    OutboxEntry.objects.filter(kind=kinds.REMINDER).update(state="failed", finished_at=NOW)

    with count_queries() as queries:
        answer = owner.get(PAGE)

    sent = [query["sql"] for query in queries if query["sql"].lstrip().upper().startswith("SELECT")]
    assert answer.status_code == 200
    assert answer.text.count('<li id="r') == count
    # Session, user, practitioners, role, practice; rows, reminders, calls, absences; appointment types, three for
    # the free time; mark, acts, rows of the changes; the place's zone, the practice's key; all that
    # Google Agenda asks for in one.
    assert len(sent) <= 15, sent


@pytest.mark.parametrize("count", [1, 40])
def test_names_that_are_erased_cost_one_question_more(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any], count: int
) -> None:
    cabinet.type.duration_min = 10
    cabinet.type.save(update_fields=["duration_min"])
    for number in range(count):
        make_appointment(cabinet, local(TODAY, 9) + timedelta(minutes=10 * number))
    with count_queries() as before:
        owner.get(PAGE)
    for contact in PatientContact.objects.select_related("data_key"):
        contacts.erase(contact=contact, rule=contacts.DUE, now=NOW)

    with count_queries() as after:
        owner.get(PAGE)

    def about_events(queries: Any) -> int:
        return len([query for query in queries if "calendarentry" in query["sql"]])

    # What Google Agenda asks of the page is one of them, names or not.
    assert about_events(after) == about_events(before) + 1


def test_the_list_is_set_smaller_so_that_it_prints_on_one_sheet(
    owner: Client, cabinet: Cabinet
) -> None:
    cabinet.type.duration_min = 10
    cabinet.type.save(update_fields=["duration_min"])
    for number in range(30):
        make_appointment(cabinet, local(TODAY, 9) + timedelta(minutes=10 * number))

    assert 'class="stack sheet dense"' in owner.get(PAGE).text


def test_a_call_for_an_agenda_out_of_reach_is_unknown(cabinet: Cabinet, host: str) -> None:
    appointment = missed(cabinet, "failed", "refused")
    stranger = make_member(Role.SECRETARY, entrusted=[uuid.uuid4()])

    answer = browser(host, stranger).post(reverse("dashboard:call", args=[appointment.ref]))

    assert answer.status_code == 404
    assert not AuditEvent.objects.filter(verb="appointment.called").exists()
