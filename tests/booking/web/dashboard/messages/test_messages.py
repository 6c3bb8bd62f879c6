"""Messages: the ledger with its filters, sending again, and what a practice adds in its own words."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse

from booking.appointments.move import move
from booking.models import (
    Appointment,
    DigestSubscription,
    MessageText,
    PatientContact,
    Practice,
    WaitingEntry,
)
from booking.patients import contacts
from booking.rules import kinds
from booking.waiting_list import waiting_entries
from booking.waiting_list.waiting_entries import Wish
from tenants.accounts.models import Role, User
from tenants.audit.models import AuditEvent
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_person,
    make_practitioner,
)
from tests.page_forms import shown_values

VISIT = local(date(2026, 11, 12), 14)
EVE = local(date(2026, 11, 11), 19)
PAGE = reverse("dashboard:messages")
TEXTS = reverse("dashboard:texts")
DIGEST = reverse("dashboard:digest")


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def ended(appointment: Appointment, kind: str, state: str, reason: str = "") -> OutboxEntry:
    """Return the message of a kind about an appointment, ended so."""
    entry = OutboxEntry.objects.filter(subject_id=appointment.pk, kind=kind).latest("id")
    entry.state, entry.reason, entry.finished_at = state, reason, NOW
    entry.save(update_fields=["state", "reason", "finished_at"])
    return entry


def again(client: Client, entry: OutboxEntry) -> Any:
    """Send one message again, and return the answer."""
    return client.post(reverse("dashboard:message_resend", args=[entry.ref]))


def address(kind: str) -> str:
    """Return the page of one text."""
    return reverse("dashboard:text", args=[kind])


def test_an_empty_ledger_says_what_will_come(owner: Client) -> None:
    assert "Chaque rendez-vous pris avec un e-mail en fait partir un" in owner.get(PAGE).text


def test_a_failure_is_explained_with_what_to_do(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, VISIT)
    ended(appointment, kinds.CONFIRMATION, "failed", "refused")

    shown = owner.get(PAGE).text

    assert "Non remis" in shown
    assert "l’adresse est sans doute fausse" in shown
    assert "corrigez son e-mail" in shown
    assert appointment.spoken_ref in shown


@pytest.mark.parametrize(("days", "is_shown"), [(6, True), (8, False)])
def test_recent_failures_are_counted_above_the_list(
    owner: Client, cabinet: Cabinet, days: int, *, is_shown: bool
) -> None:
    entry = ended(make_appointment(cabinet, VISIT), kinds.CONFIRMATION, "failed", "refused")
    OutboxEntry.objects.filter(pk=entry.pk).update(due_at=NOW - timedelta(days=days))

    assert (
        "1 message n’a pas été remis ces sept derniers jours" in owner.get(PAGE).text
    ) == is_shown
    assert "depuis sept jours" not in owner.get(PAGE, {"etat": "non-remis"}).text


def test_the_ledger_shows_names_and_no_address(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, VISIT)

    shown = owner.get(PAGE).text

    assert "Camille Spécimen" in shown
    assert "camille@" not in shown


def test_a_name_leaves_the_ledger_with_the_contact(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, VISIT)
    contact = PatientContact.objects.get(appointment=appointment)
    contacts.erase(contact=contact, rule="person", now=NOW)

    shown = owner.get(PAGE, {"etat": "tous"}).text

    assert "Spécimen" not in shown
    assert appointment.spoken_ref in shown


def test_the_ledger_begins_with_what_was_not_delivered_then_today(
    owner: Client, cabinet: Cabinet
) -> None:
    old, late, today, coming = (
        make_appointment(cabinet, VISIT + timedelta(hours=hours)) for hours in range(4)
    )
    OutboxEntry.objects.all().delete()
    for appointment, state, days in (
        (old, "failed", 8),
        (late, "failed", 3),
        (today, "sent", 0),
        (coming, "sent", -1),
    ):
        OutboxEntry.objects.create(
            kind=kinds.CONFIRMATION, subject_id=appointment.pk, payload={"sequence": 0},
            due_at=NOW - timedelta(days=days), state=state, created_at=NOW, finished_at=NOW,
        )  # fmt: skip

    def shown(**asked: str) -> list[str]:
        return [line.ref for line in owner.get(PAGE, asked).context["page"].object_list]

    assert shown() == [late.spoken_ref, today.spoken_ref]
    assert shown(etat="tous") == [row.spoken_ref for row in (coming, today, late, old)]


def test_the_ledger_has_the_messages_of_the_waiting_list(
    owner: Client, cabinet: Cabinet, host: str
) -> None:
    entry = waiting_entries.join(
        wish=Wish(cabinet.type, cabinet.location),
        person=make_person(last_name="Patiente"),
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.EntryOrigin.PATIENT,
        actor="patient",
        now=NOW,
    )
    assert entry is not None
    OutboxEntry.objects.filter(subject_id=entry.pk, kind=kinds.WAITING_JOINED).update(
        state="failed", reason="refused", finished_at=NOW
    )
    other = make_practitioner("Hugo Fictif", position=1)
    stranger = browser(host, make_member(Role.SECRETARY, entrusted=[other.ref]))

    answer = owner.get(PAGE)

    assert "Inscription sur la liste d’attente" in answer.text
    assert "Patiente" in answer.text
    assert "Patiente" not in stranger.get(PAGE).text


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 2),
        ({"etat": "tous"}, 3),
        ({"etat": "remis"}, 1),
        ({"etat": "non-remis"}, 1),
        ({"etat": "a-venir"}, 1),
        ({"etat": "sans-suite"}, 0),
        ({"type": kinds.REMINDER}, 1),
        ({"type": kinds.REMINDER, "etat": "remis"}, 0),
        ({"du": "2026-11-11"}, 1),
        ({"au": "2026-11-10"}, 2),
        ({"du": "2026-11-11", "au": "2026-11-11"}, 1),
        ({"au": "9999-12-31"}, 3),
        ({"du": "0001-01-01"}, 3),
    ],
)
def test_the_ledger_is_filtered(
    owner: Client, cabinet: Cabinet, asked: dict[str, str], count: int
) -> None:
    appointment = make_appointment(cabinet, VISIT)
    ended(appointment, kinds.CONFIRMATION, "sent")
    OutboxEntry.objects.create(
        kind=kinds.MANAGE_LINKS, subject_id=appointment.pk, due_at=NOW, state="failed", reason="refused",
        created_at=NOW, finished_at=NOW,
    )  # fmt: skip

    answer = owner.get(PAGE, asked)

    assert answer.status_code == 200
    assert answer.context["page"].paginator.count == count


@pytest.mark.parametrize("asked", [{"etat": "x"}, {"type": "booking.x"}, {"du": "hier"}])
def test_a_filter_that_is_none_is_said_so(owner: Client, asked: dict[str, str]) -> None:
    answer = owner.get(PAGE, asked)

    assert answer.status_code == 422
    assert 'class="err"' in answer.text


def test_messages_about_other_agendas_are_out_of_sight(cabinet: Cabinet, host: str) -> None:
    appointment = make_appointment(cabinet, VISIT)
    entry = ended(appointment, kinds.CONFIRMATION, "failed", "refused")
    other = make_practitioner("Hugo Fictif", position=1)
    secretary = browser(host, make_member(Role.SECRETARY, entrusted=[other.ref]))

    shown = secretary.get(PAGE).text

    assert appointment.spoken_ref not in shown
    assert again(secretary, entry).status_code == 404


@pytest.mark.parametrize("count", [0, 1, 60])
def test_the_ledger_costs_the_same_whatever_its_length(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any], count: int
) -> None:
    fill(cabinet, count)

    with count_queries() as queries:
        answer = owner.get(PAGE)

    sent = [query["sql"] for query in queries if query["sql"].lstrip().upper().startswith("SELECT")]
    assert answer.status_code == 200
    assert len(sent) <= 13, sent


def fill(cabinet: Cabinet, count: int) -> None:
    """Write many failed reminders about one appointment."""
    if count == 0:
        return
    appointment = make_appointment(cabinet, VISIT)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outboxentry (ref, kind, subject_type, subject_id, payload, dedup_key,"
            " due_at, state, reason, attempts, created_at, finished_at) SELECT gen_random_uuid(), %s,"
            " 'appointment', %s, jsonb_build_object('sequence', n), n::text,"
            " timestamptz '2026-11-01' - n * interval '1 minute', 'failed', 'refused', 1,"
            " timestamptz '2026-11-01', timestamptz '2026-11-01' FROM generate_series(1, %s) AS n",
            [kinds.REMINDER, appointment.pk, count],
        )


def test_ten_thousand_messages_are_turned_page_by_page(owner: Client, cabinet: Cabinet) -> None:
    fill(cabinet, 10_000)

    answer = owner.get(PAGE, {"etat": "non-remis", "page": "3"})

    assert answer.context["page"].paginator.count == 10_000
    assert len(answer.context["page"].object_list) == 50
    assert "?etat=non-remis&amp;page=4" in answer.text


# --- Sending again --------------------------------------------------------------------------------------


def test_a_message_that_failed_is_sent_again_as_an_entry_of_its_own(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, VISIT)
    entry = ended(appointment, kinds.CONFIRMATION, "failed", "refused")

    assert "Renvoyer" in owner.get(PAGE).text
    again(owner, entry)
    twice = again(owner, entry)

    entry.refresh_from_db()
    made = OutboxEntry.objects.filter(kind=kinds.CONFIRMATION).order_by("id")
    assert [(entry.state, entry.dedup_key) for entry in made] == [
        ("failed", "0"),
        ("pending", "0#again.1"),
    ]
    assert entry.reason == "refused"
    assert twice.status_code == 302
    assert AuditEvent.objects.filter(verb="message.resent", ref=appointment.ref).count() == 1


def test_a_move_sent_again_still_knows_the_former_hour(owner: Client, cabinet: Cabinet) -> None:
    from booking.notifications.appointment_delivery import _previous_start

    appointment = make_appointment(cabinet, VISIT)
    moved = move(
        appointment=appointment, selection=cabinet.selection(VISIT + timedelta(hours=1)), by_patient=False,
        actor="system", now=NOW,
    )  # fmt: skip
    again(owner, ended(moved, kinds.MOVED, "failed", "refused"))

    entry = OutboxEntry.objects.filter(kind=kinds.MOVED, state="pending").get()
    assert _previous_start(entry) == VISIT


@pytest.mark.parametrize(
    ("at", "is_sent"),
    [
        (NOW, False),
        (EVE - timedelta(hours=12), False),
        (EVE, True),
        (EVE + timedelta(hours=2), False),
        (VISIT - timedelta(hours=4), False),
    ],
    ids=["two days before", "at night", "the evening before", "in the quiet hours", "the same day"],
)
def test_a_reminder_is_sent_again_the_day_before_only(
    cabinet: Cabinet, host: str, at: datetime, *, is_sent: bool
) -> None:
    appointment = make_appointment(cabinet, VISIT)
    entry = ended(appointment, kinds.REMINDER, "failed", "refused")

    with time_machine.travel(at, tick=False):
        # Signed in at that very moment: a session of two days ago would be over.
        answer = again(browser(host, make_member(Role.OWNER)), entry)

    assert answer["Location"] == PAGE
    assert (
        OutboxEntry.objects.filter(kind=kinds.REMINDER, dedup_key="0#again.1").exists() == is_sent
    )


@pytest.mark.parametrize("what", ["moved", "cancelled", "erased", "past", "useless"])
def test_what_is_not_true_any_more_is_not_sent_again(
    owner: Client, cabinet: Cabinet, what: str
) -> None:
    appointment = make_appointment(cabinet, VISIT)
    entry = ended(appointment, kinds.CONFIRMATION, "failed", "refused")
    rows = Appointment.objects.filter(pk=appointment.pk)
    if what == "moved":
        rows.update(sequence=1)
    elif what == "cancelled":
        rows.update(status=Appointment.Status.CANCELLED_BY_PATIENT)
    elif what == "erased":
        PatientContact.objects.all().delete()
    elif what == "past":
        start = NOW - timedelta(hours=1)
        rows.update(starts_at=start, ends_at=NOW, during=(start, NOW))
    else:
        ended(appointment, kinds.CONFIRMATION, "not_sent", "stopped")

    shown = owner.get(PAGE).text
    answer = owner.post(reverse("dashboard:message_resend", args=[entry.ref]), follow=True)

    assert ">Renvoyer<" not in shown
    assert "ne peut plus repartir" in answer.text
    assert not OutboxEntry.objects.filter(dedup_key__contains="again").exists()


def test_sending_again_comes_back_to_the_filtered_list_and_nowhere_else(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, VISIT)
    entry = ended(appointment, kinds.CONFIRMATION, "failed", "refused")
    path = reverse("dashboard:message_resend", args=[entry.ref])

    there = owner.post(path, {"return_to": f"{PAGE}?etat=non-remis"})
    elsewhere = owner.post(path, {"return_to": "//example.org/espace/"})

    assert there["Location"] == f"{PAGE}?etat=non-remis"
    assert elsewhere["Location"] == PAGE


def test_messages_of_accounts_are_not_sent_from_here(owner: Client, cabinet: Cabinet) -> None:
    entry = OutboxEntry.objects.create(
        kind="accounts.password_reset", subject_id=1, due_at=NOW, created_at=NOW, state="failed",
        finished_at=NOW,
    )  # fmt: skip

    assert again(owner, entry).status_code == 404


# --- Texts ----------------------------------------------------------------------------------------------


def test_a_text_is_written_shown_and_taken_back(owner: Client, cabinet: Cabinet) -> None:
    page = address("confirmation")

    owner.post(page, {"text": "Bonjour {prenom}, sonnez à {lieu}."})
    listed = owner.get(TEXTS).text
    shown = owner.get(page).text
    owner.post(page, {"action": "remove"})

    assert "sonnez à {lieu}." in listed
    assert "Bonjour Camille, sonnez à 12 rue de la Falaise, 64210 Bidart." in shown
    assert not MessageText.objects.exists()
    assert AuditEvent.objects.filter(verb="message.text.confirmation").count() == 2


def test_a_preview_saves_nothing(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(address("reminder"), {"text": "Le {date} à {heure}.", "action": "preview"})

    assert "Le mercredi\u00a011\u00a0novembre à 14\u00a0h\u00a030." in answer.text
    assert "pas encore enregistré" in answer.text
    assert not MessageText.objects.exists()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Bonjour {nom}", "« {nom} » n’est pas remplacé"),
        ("Bonjour {prenom", "Une accolade est seule"),
        ("Voir https://exemple.fr", "Pas d’adresse de site ici"),
        ("a" * 601, "600 caractères au plus\u00a0: il y en a 601"),
        ("a\n" * 13, "12 lignes au plus"),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused_beside_its_field(
    owner: Client, cabinet: Cabinet, typed: str, expected: str
) -> None:
    answer = owner.post(address("moved"), {"text": typed})

    assert answer.status_code == 422
    assert expected in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert typed.split("\n", maxsplit=1)[0] in answer.text
    assert not MessageText.objects.exists()


def test_markup_that_is_typed_stays_text(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(address("confirmation"), {"text": "<b>Sonnez</b>", "action": "preview"})

    assert "&lt;b&gt;Sonnez&lt;/b&gt;" in answer.text
    assert "<b>Sonnez</b>" not in answer.text


def test_the_sms_is_counted_and_must_fit(owner: Client, cabinet: Cabinet) -> None:
    Practice.objects.update(sms_enabled=True)
    page = address("confirmation")

    long = owner.post(
        page, {"text": "", "sms_text": "Sonnez deux fois puis montez au second étage."}
    )
    short = owner.post(page, {"text": "", "sms_text": "Sonnez"})

    assert long.status_code == 422
    assert "caractères de trop" in long.text
    assert short.status_code == 302
    assert "caractères sur 160" in owner.get(page).text


def test_without_sms_nothing_is_asked_about_them_and_what_was_typed_is_kept(
    owner: Client, cabinet: Cabinet
) -> None:
    MessageText.objects.create(kind="confirmation", sms_text="Sonnez")

    shown = owner.get(address("confirmation")).text
    owner.post(address("confirmation"), {"text": "Montez."})

    assert 'name="sms_text"' not in shown
    assert MessageText.objects.get().sms_text == "Sonnez"


def test_there_is_no_fifth_text(owner: Client) -> None:
    assert owner.get(address("autre")).status_code == 404


def test_only_who_runs_the_practice_writes_texts(cabinet: Cabinet, host: str) -> None:
    secretary = browser(host, make_member(Role.SECRETARY))

    answers = [
        secretary.get(TEXTS),
        secretary.get(address("confirmation")),
        secretary.post(address("confirmation"), {"text": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert TEXTS not in secretary.get(PAGE).text


# --- The digest -----------------------------------------------------------------------------------------


def test_the_digest_is_asked_for_and_stopped(owner: Client, cabinet: Cabinet) -> None:
    before = owner.get(DIGEST).text
    owner.post(DIGEST, {"wants_digest": "on", "minute": "6h45"})
    asked = DigestSubscription.objects.count()
    shown = owner.get(DIGEST).text
    owner.post(DIGEST, {"minute": "6h45"})

    assert "checked" not in before
    assert asked == 1
    assert "checked" in shown
    assert "6\u00a0h\u00a045" in shown
    assert not DigestSubscription.objects.exists()
    assert Practice.objects.get().digest_minute == 6 * 60 + 45
    ended = OutboxEntry.objects.filter(kind=kinds.DIGEST).values_list("state", "reason")
    assert set(ended) == {("not_sent", "stopped")}


def test_a_digest_is_one_s_own(owner: Client, cabinet: Cabinet, host: str) -> None:
    secretary = browser(host, make_member(Role.SECRETARY))

    secretary.post(DIGEST, {"wants_digest": "on"})

    assert DigestSubscription.objects.get().user.email == "secretary@example.org"
    assert "checked" not in owner.get(DIGEST).text


def test_a_secretary_does_not_choose_the_hour(cabinet: Cabinet, host: str) -> None:
    secretary = browser(host, make_member(Role.SECRETARY))

    shown = secretary.get(DIGEST).text
    secretary.post(DIGEST, {"minute": "3h"})

    assert 'name="minute"' not in shown
    assert Practice.objects.get().digest_minute == 7 * 60


def test_the_mail_about_received_visits_is_a_choice_of_who_has_an_agenda(
    owner: Client, cabinet: Cabinet
) -> None:
    """On by default, for the practitioner of the agenda only."""
    without_agenda = owner.get(DIGEST).text
    cabinet.practitioner.user = User.objects.get()
    cabinet.practitioner.save(update_fields=["user"])
    shown = shown_values(owner.get(DIGEST).text)
    kept = {name: value for name, value in shown.items() if name != "notifies_received"}
    stopped = owner.post(DIGEST, kept)

    assert 'name="notifies_received"' not in without_agenda
    assert shown["notifies_received"] == ["on"]
    assert stopped.status_code == 302
    cabinet.practitioner.refresh_from_db()
    assert cabinet.practitioner.notifies_received is False
    assert "notifies_received" not in shown_values(owner.get(DIGEST).text)


@pytest.mark.parametrize("typed", ["", "x", "24h", "25h"])
def test_an_hour_that_is_none_is_refused_and_nothing_is_saved(
    owner: Client, cabinet: Cabinet, typed: str
) -> None:
    answer = owner.post(DIGEST, {"wants_digest": "on", "minute": typed})

    assert answer.status_code == 422
    assert 'class="err"' in answer.text
    assert not DigestSubscription.objects.exists()


def test_a_digest_is_no_message_of_an_appointment(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, VISIT)
    OutboxEntry.objects.filter(subject_id=appointment.pk).delete()
    OutboxEntry.objects.create(
        kind=kinds.DIGEST,
        subject_id=appointment.pk,
        due_at=NOW,
        created_at=NOW,
        payload={"on": "2026-11-10"},
    )

    assert (
        "Aucun message pour ce rendez-vous"
        in owner.get(reverse("dashboard:appointment", args=[appointment.ref])).text
    )
    assert owner.get(PAGE).context["page"].paginator.count == 0
