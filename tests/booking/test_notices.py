"""Messages from the booking to the relay: what is sent, what is dropped, what is erased afterwards."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from pytest_django import Settings

from booking import kinds
from booking.event_body import Level
from booking.models import Appointment, CalendarEntry, MessageText, Practice
from booking.persons import Person
from booking.services import appointments, contacts, erasing, letters, notices, rights
from booking.services.practice import save_practice
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.schema import Unit, inside
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_link,
    make_person,
)
from tests.fakes.brevo import API_KEY, Brevo, running

VISIT = local(date(2026, 11, 24), 14, 30)
EVE = local(date(2026, 11, 23), 18)
LATER = local(date(2026, 11, 26), 9)

MakeUnit = Callable[[str], Unit]


class World:
    """A practice that commits, its outbox, and what reached the relay."""

    def __init__(self, unit: Unit, brevo: Brevo) -> None:
        self.unit, self.brevo = unit, brevo
        with inside(unit):
            self.cabinet = Cabinet()

    def book(self, starts_at: datetime = VISIT, *, person: Person | None = None) -> Appointment:
        with inside(self.unit):
            return make_appointment(self.cabinet, starts_at, person=person)

    def entry(self, kind: str) -> OutboxEntry:
        with inside(self.unit):
            return OutboxEntry.objects.filter(kind=kind).latest("id")

    def deliver(self, kind: str, *, at: datetime = NOW) -> str:
        """Deliver the latest entry of a kind and return its state, with the reason if there is one."""
        entry = self.entry(kind)
        deliver_entry(unit=self.unit, ref=entry.ref, now=at, clock=lambda: at)
        entry = self.entry(kind)
        return f"{entry.state}:{entry.reason}" if entry.reason else entry.state

    def contact(self, appointment: Appointment) -> Person | None:
        with inside(self.unit):
            contact = contacts.contact_of(appointment)
            return contacts.open_contact(contact) if contact else None

    def reload(self, appointment: Appointment) -> Appointment:
        with inside(self.unit):
            return Appointment.objects.select_related("location").get(pk=appointment.pk)

    @property
    def subjects(self) -> list[str]:
        return [item.body["subject"].replace("\xa0", " ") for item in self.brevo.mails()]


@pytest.fixture
def world(committed_tenant: MakeUnit, settings: Settings) -> Iterator[World]:
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.mail.BrevoBackend"
        yield World(committed_tenant("notices"), brevo)


def by_patient(world: World, appointment: Appointment, *, at: datetime = NOW) -> None:
    with inside(world.unit):
        appointments.cancel(appointment=appointment, by_patient=True, actor="patient", now=at)


def move(world: World, appointment: Appointment, to: datetime = LATER) -> None:
    with inside(world.unit):
        appointments.move(
            appointment=appointment,
            choice=world.cabinet.choice(to),
            by_patient=True,
            actor="patient",
            now=NOW,
        )


def test_a_booking_is_confirmed_at_once_and_remembered_the_day_before(world: World) -> None:
    world.book()

    assert world.deliver(kinds.CONFIRMATION) == "sent"
    assert world.entry(kinds.REMINDER).due_at == EVE
    assert world.deliver(kinds.REMINDER, at=EVE) == "sent"
    assert world.subjects == [
        "Votre rendez-vous du mardi 24 novembre à 14 h 30",
        "Rappel : votre rendez-vous de demain à 14 h 30",
    ]


@pytest.mark.parametrize(
    ("level", "phone", "is_written", "foreseen", "at_last"),
    [
        (None, True, True, "fin du rendez-vous", "fin du rendez-vous"),
        (Level.INITIALS, True, True, "fin du rendez-vous", "fin du rendez-vous"),
        (Level.NAMED, False, True, "fin du rendez-vous", "fin du rendez-vous"),
        (Level.NAMED, True, True, "rappel du lundi 23 novembre", "Après ce message"),
        (
            Level.NAMED,
            True,
            False,
            "rappel du lundi 23 novembre",
            "24 heures qui suivent le rendez-vous",
        ),
    ],
)
def test_a_mail_says_when_the_person_is_erased(
    world: World, level: Level | None, phone: bool, is_written: bool, foreseen: str, at_last: str
) -> None:
    with inside(world.unit):
        if level is not None:
            make_link(world.cabinet.practitioner, level=level)
    appointment = world.book(person=make_person() if phone else make_person(phone=""))
    world.deliver(kinds.CONFIRMATION)
    with inside(world.unit):
        if is_written:
            CalendarEntry.objects.update(state="written", pushed=1, level=level)
    world.deliver(kinds.REMINDER, at=EVE)

    said = [mail.body["textContent"].replace("\xa0", " ") for mail in world.brevo.mails()]
    assert foreseen in said[0]
    assert at_last in said[1]
    is_erased = world.contact(appointment) is None
    assert is_erased == (at_last == "Après ce message")  # what was said is what happened


def test_the_links_of_a_mail_open_the_appointment_on_the_practices_own_host(world: World) -> None:
    world.book()
    world.deliver(kinds.CONFIRMATION)

    text = world.brevo.mails()[0].body["textContent"]
    assert "http://notices.lib-rdv.localhost:8000/rdv/" in text


@pytest.mark.parametrize("kind", [kinds.CONFIRMATION, kinds.CANCELLED_BY_PATIENT, kinds.SLOT_FREED])
def test_no_link_of_a_mail_leads_nowhere(world: World, kind: str) -> None:
    appointment = world.book()
    if kind != kinds.CONFIRMATION:
        by_patient(world, appointment)
    world.deliver(kind)

    body = world.brevo.mails()[0].body
    links = re.findall(r"https?://[^\s\"<]+", body["textContent"] + body["htmlContent"])
    for link in links:
        resolve(urlsplit(link).path, urlconf="config.urls_tenant")
    assert bool(links) is (kind != kinds.SLOT_FREED)


def test_a_second_delivery_of_what_is_done_does_nothing(world: World) -> None:
    world.book()
    world.deliver(kinds.CONFIRMATION)
    world.deliver(kinds.CONFIRMATION, at=NOW + timedelta(hours=1))

    assert len(world.brevo.mails()) == 1
    assert world.brevo.requests["/v3/smtp/email"] == 1


def test_a_lost_answer_leaves_one_mail_and_one_state(world: World) -> None:
    world.book()
    world.brevo.faults.append("answer_lost")

    assert world.deliver(kinds.CONFIRMATION) == "pending:unreachable"
    assert world.deliver(kinds.CONFIRMATION, at=NOW + timedelta(minutes=10)) == "sent"
    assert len(world.brevo.mails()) == 1


def test_a_refused_address_is_a_failure_and_the_data_end_with_the_visit(world: World) -> None:
    appointment = world.book(person=make_person(email="camille@localhost"))

    assert world.deliver(kinds.CONFIRMATION) == "failed:refused"
    # Three times, because nothing follows it (B-24).
    assert world.deliver(kinds.REMINDER, at=EVE) == "pending:refused"
    assert world.deliver(kinds.REMINDER, at=EVE + timedelta(minutes=5)) == "pending:refused"
    assert world.deliver(kinds.REMINDER, at=EVE + timedelta(minutes=15)) == "failed:refused"
    with inside(world.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        assert contact.erase_at == appointment.ends_at


@pytest.mark.parametrize(
    ("late", "state"),
    [
        (timedelta(0), "sent"),
        (timedelta(hours=1, minutes=59), "sent"),
        (timedelta(hours=2, seconds=1), "dropped:late"),
        (timedelta(hours=13), "dropped:late"),
        (timedelta(days=3), "dropped:late"),
    ],
)
def test_a_reminder_more_than_two_hours_late_is_dropped(
    world: World, late: timedelta, state: str
) -> None:
    world.book()

    assert world.deliver(kinds.REMINDER, at=EVE + late) == state
    assert len(world.brevo.mails()) == (1 if state == "sent" else 0)


def test_a_reminder_never_leaves_in_the_quiet_hours(world: World) -> None:
    with inside(world.unit):
        Practice.objects.update(reminder_minute=19 * 60 + 30)
    world.book()

    assert world.deliver(kinds.REMINDER, at=EVE + timedelta(hours=2)) == "dropped:quiet_hours"


def test_quiet_hours_are_those_of_the_place(world: World) -> None:
    appointment = world.book()
    entry = world.entry(kinds.REMINDER)
    entry.expires_at = None
    quiet = local(date(2026, 11, 23), 20, 0)

    assert notices.why_not(entry, world.reload(appointment), now=quiet) == "quiet_hours"
    assert notices.why_not(entry, world.reload(appointment), now=quiet - timedelta(minutes=1)) == ""


def test_nothing_is_remembered_of_what_was_cancelled(world: World) -> None:
    appointment = world.book()
    entry = world.entry(kinds.REMINDER)
    by_patient(world, appointment)

    assert world.deliver(kinds.REMINDER, at=EVE) == "dropped:cancelled"
    assert notices.why_not(entry, world.reload(appointment), now=EVE) == "cancelled"
    assert not world.brevo.mails()


def test_nothing_is_remembered_of_the_hour_that_was_left(world: World) -> None:
    appointment = world.book()
    entry = world.entry(kinds.REMINDER)
    move(world, appointment)

    assert notices.why_not(entry, world.reload(appointment), now=EVE) == "moved"
    assert world.entry(kinds.REMINDER).due_at == EVE + timedelta(days=2)
    assert world.deliver(kinds.MOVED) == "sent"
    assert "L'ancien horaire (mardi 24 novembre à 14 h 30) est annulé." in world.brevo.mails()[
        0
    ].body["textContent"].replace("\xa0", " ")


def test_nothing_is_remembered_to_who_asked_for_silence(world: World) -> None:
    appointment = world.book()
    entry = world.entry(kinds.REMINDER)
    with inside(world.unit):
        contacts.stop_reminders(appointment=appointment, actor="patient", now=NOW)

    assert world.deliver(kinds.REMINDER, at=EVE) == "dropped:stopped"
    assert notices.why_not(entry, world.reload(appointment), now=EVE) == "stopped"


def test_nothing_is_sent_to_who_was_erased(world: World) -> None:
    appointment = world.book()
    with inside(world.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule="person", now=NOW)
        OutboxEntry.objects.filter(kind=kinds.REMINDER).update(state="pending", finished_at=None)

    assert world.deliver(kinds.REMINDER, at=EVE) == "dropped:erased"
    assert not world.brevo.mails()


def test_who_gives_a_phone_only_gets_nothing_while_sms_are_off(world: World) -> None:
    world.book(person=make_person(email=""))

    assert world.deliver(kinds.CONFIRMATION) == "no_channel"
    assert world.deliver(kinds.REMINDER, at=EVE) == "no_channel"


def test_who_gives_a_mobile_only_gets_an_sms_where_the_practice_sends_them(
    world: World, settings: Settings
) -> None:
    settings.SMS_GATEWAY = "brevo"
    with inside(world.unit):
        Practice.objects.update(sms_enabled=True)
    world.book(person=make_person(email=""))

    assert world.deliver(kinds.REMINDER, at=EVE) == "sent"
    text = world.brevo.sms()[0].body["content"]
    assert text.startswith("Rappel : RDV demain 24/11/2026 à 14:30 avec Maite Exemple.")
    assert "http://notices.lib-rdv.localhost:8000/r/" in text


def test_a_cancellation_is_told_to_both_then_the_person_is_erased(world: World) -> None:
    appointment = world.book()
    by_patient(world, appointment)

    assert world.deliver(kinds.SLOT_FREED) == "sent"
    assert world.contact(appointment) is not None
    assert world.deliver(kinds.CANCELLED_BY_PATIENT) == "sent"
    assert world.contact(appointment) is None
    assert world.reload(appointment).erased_at == NOW
    assert {item.body["to"][0]["email"] for item in world.brevo.mails()} == {
        "camille@example.org",
        "cabinet@example.org",
    }


def test_the_practitioner_who_cancels_apologises_and_the_person_is_erased(world: World) -> None:
    appointment = world.book()
    with inside(world.unit):
        appointments.cancel(appointment=appointment, by_patient=False, actor="user:1", now=NOW)

    assert world.deliver(kinds.CANCELLED_BY_PRACTITIONER) == "sent"
    assert world.contact(appointment) is None


def test_cancelled_without_a_word_the_person_is_due_at_once(world: World) -> None:
    appointment = world.book()
    world.deliver(kinds.CONFIRMATION)
    with inside(world.unit):
        appointments.cancel(
            appointment=appointment, by_patient=False, actor="user:1", tell=False, now=NOW
        )

        assert contacts.erase_due(now=NOW) == 1


def test_cancelled_without_a_word_the_person_stays_until_an_old_address_is_told(
    world: World,
) -> None:
    appointment = world.book()
    with inside(world.unit):
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="patient", now=NOW
        )
        appointments.cancel(
            appointment=appointment, by_patient=False, actor="user:1", tell=False, now=NOW
        )
        assert contacts.erase_due(now=NOW) == 0

    world.deliver(kinds.CONTACT_CORRECTED)
    assert world.contact(appointment) is None


@pytest.mark.parametrize("by", ["moved", "cancelled_by_patient", "cancelled_by_practitioner"])
def test_who_asked_to_be_erased_hears_of_nothing_more(world: World, by: str) -> None:
    appointment = world.book()
    with inside(world.unit):
        erasing.erase_and_keep(appointment=appointment, now=NOW)
    if by == "moved":
        move(world, appointment)
        kind = kinds.MOVED
    else:
        kind = getattr(kinds, {"cancelled_by_patient": "CANCELLED_BY_PATIENT"}.get(by, by.upper()))
        with inside(world.unit):
            is_theirs = by == "cancelled_by_patient"
            appointments.cancel(
                appointment=appointment, by_patient=is_theirs, actor="user:1", now=NOW
            )

    assert world.deliver(kind) == "dropped:person"
    assert world.subjects == []


def test_who_asked_to_be_erased_still_gets_the_link_they_ask_for(world: World) -> None:
    appointment = world.book()
    with inside(world.unit):
        erasing.erase_and_keep(appointment=appointment, now=NOW)
        rights.send_links(person=make_person(), now=NOW)

    assert world.deliver(kinds.MANAGE_LINKS, at=NOW + timedelta(minutes=1)) == "sent"


def test_what_was_asked_outlives_what_the_calendar_says(world: World) -> None:
    appointment = world.book()
    with inside(world.unit):
        erasing.erase_and_keep(appointment=appointment, now=NOW)
        make_link(world.cabinet.practitioner, level=Level.NAMED, state="reconnect")
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="user:1", now=NOW
        )
        contact = contacts.contact_of(appointment)

    assert contact is not None
    assert contact.erase_at == appointment.ends_at


def test_a_shorter_retention_keeps_who_was_told_a_longer_one_until_the_visit(world: World) -> None:
    with inside(world.unit):
        appointment = make_appointment(world.cabinet, VISIT, now=VISIT - timedelta(days=40))
        save_practice(values={"retention_days": 30}, actor="user:1", now=NOW)
    world.deliver(kinds.CONFIRMATION)

    assert world.deliver(kinds.REMINDER, at=EVE) == "sent"
    with inside(world.unit):
        contact = contacts.contact_of(appointment)
    assert contact is not None
    assert contact.erase_at == appointment.ends_at


def test_moved_the_new_retention_applies(world: World) -> None:
    with inside(world.unit):
        appointment = make_appointment(world.cabinet, VISIT)
        save_practice(values={"retention_days": 30}, actor="user:1", now=NOW)
        contacts.stop_reminders(appointment=appointment, actor="patient", now=NOW)
        before = contacts.contact_of(appointment)
    move(world, appointment)
    with inside(world.unit):
        after = contacts.contact_of(appointment)

    assert before is not None
    assert after is not None
    assert (before.retention_days, after.retention_days) == (357, 30)


def test_a_new_hour_is_that_of_the_reminders_still_to_leave(world: World) -> None:
    world.book()
    with inside(world.unit):
        save_practice(values={"reminder_minute": 9 * 60 + 30}, actor="user:1", now=NOW)
    entry = world.entry(kinds.REMINDER)
    assert entry.due_at == local(date(2026, 11, 23), 9, 30)
    assert entry.expires_at == local(date(2026, 11, 23), 11, 30)

    # At noon of the day before: by the new hour it would have gone already.
    noon = local(date(2026, 11, 23), 9)
    with inside(world.unit):
        save_practice(values={"reminder_minute": 8 * 60}, actor="user:1", now=noon)
    assert world.entry(kinds.REMINDER).due_at == local(date(2026, 11, 23), 9, 30)


def test_a_notice_that_cannot_leave_does_not_keep_the_person(world: World) -> None:
    appointment = world.book(person=make_person(email=""))
    by_patient(world, appointment)

    assert world.deliver(kinds.CANCELLED_BY_PATIENT) == "no_channel"
    assert world.contact(appointment) is None


def test_after_the_erasure_a_cancellation_still_tells_the_practitioner(world: World) -> None:
    appointment = world.book()
    with inside(world.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule="reminder", now=NOW)
    by_patient(world, world.reload(appointment))

    assert world.deliver(kinds.SLOT_FREED) == "sent"
    assert world.deliver(kinds.CANCELLED_BY_PATIENT) == "dropped:erased"
    body = world.brevo.mails()[0].body
    assert appointment.spoken_ref in body["textContent"]
    assert "Camille" not in str(body)


def test_a_corrected_address_is_told_and_then_forgotten(world: World) -> None:
    appointment = world.book()
    with inside(world.unit):
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="patient", now=NOW
        )

    assert world.deliver(kinds.CONTACT_CORRECTED) == "sent"
    body = world.brevo.mails()[0].body
    assert body["to"] == [{"email": "camille@example.org"}]
    assert "new@example.org" not in str(body)
    known = world.contact(appointment)
    assert known is not None
    assert (known.email, known.previous_email) == ("new@example.org", "")


def test_an_address_taken_away_is_told_though_the_appointment_is_cancelled_since(
    world: World,
) -> None:
    appointment = world.book()
    with inside(world.unit):
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="patient", now=NOW
        )
    by_patient(world, appointment)

    assert world.deliver(kinds.CANCELLED_BY_PATIENT) == "sent"
    assert world.contact(appointment) is not None
    assert world.deliver(kinds.CONTACT_CORRECTED) == "sent"
    assert world.brevo.mails()[-1].body["to"] == [{"email": "camille@example.org"}]
    assert world.contact(appointment) is None


def test_each_address_of_two_corrections_is_told(world: World) -> None:
    appointment = world.book()
    for address in ("new@example.org", "newer@example.org"):
        with inside(world.unit):
            contacts.correct(
                appointment=appointment, phone=None, email=address, actor="patient", now=NOW
            )
    with inside(world.unit):
        refs = OutboxEntry.objects.filter(kind=kinds.CONTACT_CORRECTED).order_by("pk")
        waiting = list(refs.values_list("ref", flat=True))

    for ref in waiting:
        deliver_entry(unit=world.unit, ref=ref, now=NOW, clock=lambda: NOW)

    told = [mail.body["to"][0]["email"] for mail in world.brevo.mails()]
    assert told == ["camille@example.org", "new@example.org"]
    known = world.contact(appointment)
    assert known is not None
    assert known.previous_email == ""


def test_lost_links_go_to_the_address_the_appointment_was_taken_with(world: World) -> None:
    appointment = world.book()
    with inside(world.unit):
        write(due=[Due(kinds.MANAGE_LINKS, appointment.pk, due_at=NOW)], now=NOW)

    assert world.deliver(kinds.MANAGE_LINKS) == "sent"
    assert world.subjects == ["Vos rendez-vous à venir"]


def test_a_replacement_is_named(world: World) -> None:
    with inside(world.unit):
        world.cabinet.practitioner.replacements.create(
            substitute_name="Jean Remplaçant", from_on=date(2026, 11, 23), to_on=date(2026, 11, 27)
        )
    world.book()
    world.deliver(kinds.CONFIRMATION)

    assert "Vous serez reçu(e) par Jean Remplaçant, qui remplace Maite Exemple." in str(
        world.brevo.mails()[0].body["textContent"]
    )


def test_a_visit_at_home_says_so_and_no_address(world: World) -> None:
    location = world.cabinet.location
    location.kind, location.name = "home", "À domicile"

    assert notices.place_lines(location) == ("À domicile",)


def test_whatever_becomes_of_a_message_it_has_one_state(world: World) -> None:
    appointment = world.book()
    world.deliver(kinds.CONFIRMATION)
    by_patient(world, appointment)
    for kind in (kinds.CANCELLED_BY_PATIENT, kinds.SLOT_FREED):
        world.deliver(kind)

    with inside(world.unit):
        states = list(OutboxEntry.objects.values_list("kind", "state"))
    assert sorted(states) == sorted(
        [
            (kinds.CONFIRMATION, "sent"),
            (kinds.REMINDER, "dropped"),
            (kinds.CANCELLED_BY_PATIENT, "sent"),
            (kinds.SLOT_FREED, "sent"),
        ]
    )


def test_the_words_of_the_practice_leave_with_the_message_of_their_kind(world: World) -> None:
    with inside(world.unit):
        MessageText.objects.create(kind="confirmation", text="Sonnez, {prenom}.")
    world.book()

    world.deliver(kinds.CONFIRMATION)
    world.deliver(kinds.REMINDER, at=EVE)

    bodies = [item.body["textContent"] for item in world.brevo.mails()]
    assert ["Sonnez, Camille." in body for body in bodies] == [True, False]


def test_a_message_sent_again_reaches_the_person_under_a_key_of_its_own(world: World) -> None:
    held = world.book()
    world.deliver(kinds.CONFIRMATION)
    first = world.entry(kinds.CONFIRMATION)

    with inside(world.unit):
        letters.resend(entry=first, appointment=world_row(held), actor="user:1", now=NOW)
    state = world.deliver(kinds.CONFIRMATION)

    assert state == "sent"
    assert world.entry(kinds.CONFIRMATION).ref != first.ref
    assert len(world.brevo.mails()) == 2


def world_row(held: Appointment) -> Appointment:
    """Return an appointment as the ledger reads it."""
    return Appointment.objects.select_related("practitioner", "location", "contact").get(pk=held.pk)
