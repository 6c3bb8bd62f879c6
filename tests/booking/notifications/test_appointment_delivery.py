"""Messages from the booking to the relay: those sent, those not sent, and the erasure after them."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from pytest_django import Settings

from booking.appointments import (
    erasure_requests,
    rights,
)
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.messages.outcomes import outcome_of
from booking.models import Appointment, CalendarEntry, MessageText, Practice
from booking.notifications import appointment_delivery, bounces, ledger
from booking.patients import contacts
from booking.rules import kinds
from booking.rules.erasure import Level
from booking.rules.persons import Person
from booking.scheduling.catalogue import save_practice
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write
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


class Dataset:
    """A practice that commits, its outbox, and a fake relay."""

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
def dataset(committed_tenant: MakeUnit, settings: Settings) -> Iterator[Dataset]:
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.email_transport.BrevoBackend"
        yield Dataset(committed_tenant("notices"), brevo)


def by_patient(dataset: Dataset, appointment: Appointment, *, at: datetime = NOW) -> None:
    with inside(dataset.unit):
        cancel(appointment=appointment, by_patient=True, actor="patient", now=at)


def move_by_patient(dataset: Dataset, appointment: Appointment, to: datetime = LATER) -> None:
    with inside(dataset.unit):
        move(
            appointment=appointment,
            selection=dataset.cabinet.selection(to),
            by_patient=True,
            actor="patient",
            now=NOW,
        )


def test_a_booking_is_confirmed_at_once_and_remembered_the_day_before(dataset: Dataset) -> None:
    dataset.book()

    assert dataset.deliver(kinds.CONFIRMATION) == "sent"
    assert dataset.entry(kinds.REMINDER).due_at == EVE
    assert dataset.deliver(kinds.REMINDER, at=EVE) == "sent"
    assert dataset.subjects == [
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
    dataset: Dataset,
    level: Level | None,
    phone: bool,
    is_written: bool,
    foreseen: str,
    at_last: str,
) -> None:
    with inside(dataset.unit):
        if level is not None:
            make_link(dataset.cabinet.practitioner, level=level)
    appointment = dataset.book(person=make_person() if phone else make_person(phone=""))
    dataset.deliver(kinds.CONFIRMATION)
    with inside(dataset.unit):
        if is_written:
            CalendarEntry.objects.update(state="written", pushed=1, level=level)
    dataset.deliver(kinds.REMINDER, at=EVE)

    texts = [mail.body["textContent"].replace("\xa0", " ") for mail in dataset.brevo.mails()]
    assert foreseen in texts[0]
    assert at_last in texts[1]
    is_erased = dataset.contact(appointment) is None
    assert is_erased == (at_last == "Après ce message")  # the erasure follows the announcement


def test_the_links_of_a_mail_open_the_appointment_on_the_practices_own_host(
    dataset: Dataset,
) -> None:
    dataset.book()
    dataset.deliver(kinds.CONFIRMATION)

    text = dataset.brevo.mails()[0].body["textContent"]
    assert "http://notices.lib-rdv.localhost:8000/rdv/" in text


@pytest.mark.parametrize("kind", [kinds.CONFIRMATION, kinds.CANCELLED_BY_PATIENT, kinds.SLOT_FREED])
def test_no_link_of_a_mail_leads_nowhere(dataset: Dataset, kind: str) -> None:
    appointment = dataset.book()
    if kind != kinds.CONFIRMATION:
        by_patient(dataset, appointment)
    dataset.deliver(kind)

    body = dataset.brevo.mails()[0].body
    links = re.findall(r"https?://[^\s\"<]+", body["textContent"] + body["htmlContent"])
    for link in links:
        resolve(urlsplit(link).path, urlconf="config.urls_tenant")
    assert bool(links) is (kind != kinds.SLOT_FREED)


def test_a_second_delivery_of_a_sent_message_does_nothing(dataset: Dataset) -> None:
    dataset.book()
    dataset.deliver(kinds.CONFIRMATION)
    dataset.deliver(kinds.CONFIRMATION, at=NOW + timedelta(hours=1))

    assert len(dataset.brevo.mails()) == 1
    assert dataset.brevo.requests["/v3/smtp/email"] == 1


def test_a_lost_answer_leaves_one_mail_and_one_state(dataset: Dataset) -> None:
    dataset.book()
    dataset.brevo.faults.append("answer_lost")

    assert dataset.deliver(kinds.CONFIRMATION) == "pending:unreachable"
    assert dataset.deliver(kinds.CONFIRMATION, at=NOW + timedelta(minutes=10)) == "sent"
    assert len(dataset.brevo.mails()) == 1


def test_a_refused_address_is_a_failure_and_the_data_end_with_the_visit(dataset: Dataset) -> None:
    appointment = dataset.book(person=make_person(email="camille@localhost"))

    assert dataset.deliver(kinds.CONFIRMATION) == "failed:refused"
    # Three attempts, because no message follows the reminder (B-24).
    assert dataset.deliver(kinds.REMINDER, at=EVE) == "pending:refused"
    assert dataset.deliver(kinds.REMINDER, at=EVE + timedelta(minutes=5)) == "pending:refused"
    assert dataset.deliver(kinds.REMINDER, at=EVE + timedelta(minutes=15)) == "failed:refused"
    with inside(dataset.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        assert contact.erase_at == appointment.ends_at


@pytest.mark.parametrize(
    ("late", "state"),
    [
        (timedelta(0), "sent"),
        (timedelta(hours=1, minutes=59), "sent"),
        (timedelta(hours=2, seconds=1), "not_sent:late"),
        (timedelta(hours=13), "not_sent:late"),
        (timedelta(days=3), "not_sent:late"),
    ],
)
def test_a_reminder_more_than_two_hours_late_is_not_sent(
    dataset: Dataset, late: timedelta, state: str
) -> None:
    dataset.book()

    assert dataset.deliver(kinds.REMINDER, at=EVE + late) == state
    assert len(dataset.brevo.mails()) == (1 if state == "sent" else 0)


def test_a_reminder_never_leaves_in_the_quiet_hours(dataset: Dataset) -> None:
    with inside(dataset.unit):
        Practice.objects.update(reminder_minute=19 * 60 + 30)
    dataset.book()

    assert dataset.deliver(kinds.REMINDER, at=EVE + timedelta(hours=2)) == "not_sent:quiet_hours"


def test_quiet_hours_are_those_of_the_place(dataset: Dataset) -> None:
    appointment = dataset.book()
    entry = dataset.entry(kinds.REMINDER)
    entry.expires_at = None
    quiet = local(date(2026, 11, 23), 20, 0)

    assert (
        appointment_delivery.why_not(entry, dataset.reload(appointment), now=quiet) == "quiet_hours"
    )
    assert (
        appointment_delivery.why_not(
            entry, dataset.reload(appointment), now=quiet - timedelta(minutes=1)
        )
        == ""
    )


def test_a_cancelled_appointment_has_no_reminder(dataset: Dataset) -> None:
    appointment = dataset.book()
    entry = dataset.entry(kinds.REMINDER)
    by_patient(dataset, appointment)

    assert dataset.deliver(kinds.REMINDER, at=EVE) == "not_sent:cancelled"
    assert appointment_delivery.why_not(entry, dataset.reload(appointment), now=EVE) == "cancelled"
    assert not dataset.brevo.mails()


def test_a_moved_appointment_has_no_reminder_of_its_former_hour(dataset: Dataset) -> None:
    appointment = dataset.book()
    entry = dataset.entry(kinds.REMINDER)
    move_by_patient(dataset, appointment)

    assert appointment_delivery.why_not(entry, dataset.reload(appointment), now=EVE) == "moved"
    assert dataset.entry(kinds.REMINDER).due_at == EVE + timedelta(days=2)
    assert dataset.deliver(kinds.MOVED) == "sent"
    assert "L'ancien horaire (mardi 24 novembre à 14 h 30) est annulé." in dataset.brevo.mails()[
        0
    ].body["textContent"].replace("\xa0", " ")


def test_a_stopped_reminder_is_not_sent(dataset: Dataset) -> None:
    appointment = dataset.book()
    entry = dataset.entry(kinds.REMINDER)
    with inside(dataset.unit):
        contacts.stop_reminders(appointment=appointment, actor="patient", now=NOW)

    assert dataset.deliver(kinds.REMINDER, at=EVE) == "not_sent:stopped"
    assert appointment_delivery.why_not(entry, dataset.reload(appointment), now=EVE) == "stopped"


def test_nothing_is_sent_to_an_erased_person(dataset: Dataset) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule="person", now=NOW)
        OutboxEntry.objects.filter(kind=kinds.REMINDER).update(state="pending", finished_at=None)

    assert dataset.deliver(kinds.REMINDER, at=EVE) == "not_sent:erased"
    assert not dataset.brevo.mails()


def test_a_person_with_a_phone_only_gets_nothing_while_sms_are_off(dataset: Dataset) -> None:
    dataset.book(person=make_person(email=""))

    assert dataset.deliver(kinds.CONFIRMATION) == "no_channel"
    assert dataset.deliver(kinds.REMINDER, at=EVE) == "no_channel"


def test_a_person_with_a_mobile_only_gets_an_sms_when_the_practice_sends_them(
    dataset: Dataset, settings: Settings
) -> None:
    settings.SMS_GATEWAY = "brevo"
    with inside(dataset.unit):
        Practice.objects.update(sms_enabled=True)
    dataset.book(person=make_person(email=""))

    assert dataset.deliver(kinds.REMINDER, at=EVE) == "sent"
    text = dataset.brevo.sms()[0].body["content"]
    assert text.startswith("Rappel : RDV demain 24/11/2026 à 14:30 avec Maite Exemple.")
    assert "http://notices.lib-rdv.localhost:8000/r/" in text


@pytest.mark.parametrize("kind", [kinds.CONFIRMATION, kinds.REMINDER])
def test_a_refused_mail_leaves_by_sms_where_a_mobile_is_known(
    dataset: Dataset, settings: Settings, kind: str
) -> None:
    settings.SMS_GATEWAY = "brevo"
    with inside(dataset.unit):
        Practice.objects.update(sms_enabled=True)
    dataset.book(person=make_person(email="camille@localhost"))

    at = EVE if kind == kinds.REMINDER else NOW
    assert dataset.deliver(kind, at=at) == "sent:by_sms"
    assert not dataset.brevo.mails()
    assert len(dataset.brevo.sms()) == 1


@pytest.mark.parametrize(
    ("phone", "sms_enabled"), [("+33536490012", True), ("+33639980104", False), ("", True)]
)
def test_a_refused_mail_without_a_way_to_write_an_sms_is_a_failure(
    dataset: Dataset, settings: Settings, phone: str, *, sms_enabled: bool
) -> None:
    settings.SMS_GATEWAY = "brevo"
    with inside(dataset.unit):
        Practice.objects.update(sms_enabled=sms_enabled)
    dataset.book(person=make_person(email="camille@localhost", phone=phone))

    assert dataset.deliver(kinds.CONFIRMATION) == "failed:refused"
    assert not dataset.brevo.sms()


ADDRESS = "camille@example.org"


def collect_bounces(dataset: Dataset, settings: Settings, *, sms_enabled: bool) -> int:
    """Let the mails to the address come back, and collect what the provider reports."""
    settings.MAIL_PROVIDER, settings.SMS_GATEWAY = "brevo", "brevo"
    with inside(dataset.unit):
        Practice.objects.update(sms_enabled=sms_enabled)
    dataset.brevo.bounced.add(ADDRESS)
    return bounces.collect(now=NOW)


def test_a_mail_that_comes_back_counts_as_not_delivered_and_leaves_by_sms(
    dataset: Dataset, settings: Settings
) -> None:
    dataset.book(person=make_person(email=ADDRESS))
    assert dataset.deliver(kinds.CONFIRMATION) == "sent"
    first = dataset.entry(kinds.CONFIRMATION)

    assert collect_bounces(dataset, settings, sms_enabled=True) == 1
    assert bounces.collect(now=NOW) == 0
    with inside(dataset.unit):
        first.refresh_from_db()
    assert (first.state, first.reason) == ("failed", bounces.BOUNCED)
    assert outcome_of(first).is_missed
    assert dataset.entry(kinds.CONFIRMATION).pk != first.pk
    assert dataset.deliver(kinds.CONFIRMATION) == "sent"
    assert len(dataset.brevo.sms()) == 1
    assert len(dataset.brevo.mails()) == 1


def test_a_mail_that_comes_back_is_only_recorded_where_no_sms_is_sent(
    dataset: Dataset, settings: Settings
) -> None:
    dataset.book(person=make_person(email=ADDRESS))
    dataset.deliver(kinds.CONFIRMATION)

    assert collect_bounces(dataset, settings, sms_enabled=False) == 1
    entry = dataset.entry(kinds.CONFIRMATION)
    assert (entry.state, entry.reason) == ("failed", bounces.BOUNCED)


def test_a_moved_appointment_gets_no_sms_about_its_former_hour(
    dataset: Dataset, settings: Settings
) -> None:
    appointment = dataset.book(person=make_person(email=ADDRESS))
    dataset.deliver(kinds.CONFIRMATION)
    move_by_patient(dataset, appointment)

    assert collect_bounces(dataset, settings, sms_enabled=True) == 1
    assert dataset.deliver(kinds.CONFIRMATION) == "not_sent:moved"
    assert not dataset.brevo.sms()


def test_an_unreachable_provider_reports_nothing(dataset: Dataset, settings: Settings) -> None:
    settings.BREVO_API_KEY = "wrong"

    assert collect_bounces(dataset, settings, sms_enabled=True) == 0


def test_a_cancellation_notifies_both_then_the_person_is_erased(dataset: Dataset) -> None:
    appointment = dataset.book()
    by_patient(dataset, appointment)

    assert dataset.deliver(kinds.SLOT_FREED) == "sent"
    assert dataset.contact(appointment) is not None
    assert dataset.deliver(kinds.CANCELLED_BY_PATIENT) == "sent"
    assert dataset.contact(appointment) is None
    assert dataset.reload(appointment).erased_at == NOW
    assert {item.body["to"][0]["email"] for item in dataset.brevo.mails()} == {
        "camille@example.org",
        "cabinet@example.org",
    }


def test_a_cancellation_by_the_practitioner_apologises_and_the_person_is_erased(
    dataset: Dataset,
) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        cancel(appointment=appointment, by_patient=False, actor="user:1", now=NOW)

    assert dataset.deliver(kinds.CANCELLED_BY_PRACTITIONER) == "sent"
    assert dataset.contact(appointment) is None


def test_after_a_cancellation_without_a_message_the_person_is_due_at_once(dataset: Dataset) -> None:
    appointment = dataset.book()
    dataset.deliver(kinds.CONFIRMATION)
    with inside(dataset.unit):
        cancel(appointment=appointment, by_patient=False, actor="user:1", notify=False, now=NOW)

        assert contacts.erase_due(now=NOW) == 1


def test_after_a_cancellation_the_person_stays_until_an_old_address_is_notified(
    dataset: Dataset,
) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="patient", now=NOW
        )
        cancel(appointment=appointment, by_patient=False, actor="user:1", notify=False, now=NOW)
        assert contacts.erase_due(now=NOW) == 0

    dataset.deliver(kinds.CONTACT_CORRECTED)
    assert dataset.contact(appointment) is None


@pytest.mark.parametrize("by", ["moved", "cancelled_by_patient", "cancelled_by_practitioner"])
def test_a_person_with_an_erasure_request_gets_no_more_messages(dataset: Dataset, by: str) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=NOW)
    if by == "moved":
        move_by_patient(dataset, appointment)
        kind = kinds.MOVED
    else:
        kind = getattr(kinds, {"cancelled_by_patient": "CANCELLED_BY_PATIENT"}.get(by, by.upper()))
        with inside(dataset.unit):
            is_theirs = by == "cancelled_by_patient"
            cancel(appointment=appointment, by_patient=is_theirs, actor="user:1", now=NOW)

    assert dataset.deliver(kind) == "not_sent:person"
    assert dataset.subjects == []


def test_a_person_with_an_erasure_request_still_gets_the_requested_links(dataset: Dataset) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=NOW)
        rights.send_links(person=make_person(), now=NOW)

    assert dataset.deliver(kinds.MANAGE_LINKS, at=NOW + timedelta(minutes=1)) == "sent"


def test_an_erasure_request_counts_despite_the_state_of_the_calendar(dataset: Dataset) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=NOW)
        make_link(dataset.cabinet.practitioner, level=Level.NAMED, state="reconnect")
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="user:1", now=NOW
        )
        contact = contacts.contact_of(appointment)

    assert contact is not None
    assert contact.erase_at == appointment.ends_at


def test_a_shorter_retention_keeps_a_person_with_a_longer_one_until_the_visit(
    dataset: Dataset,
) -> None:
    with inside(dataset.unit):
        appointment = make_appointment(dataset.cabinet, VISIT, now=VISIT - timedelta(days=40))
        save_practice(values={"retention_days": 30}, actor="user:1", now=NOW)
    dataset.deliver(kinds.CONFIRMATION)

    assert dataset.deliver(kinds.REMINDER, at=EVE) == "sent"
    with inside(dataset.unit):
        contact = contacts.contact_of(appointment)
    assert contact is not None
    assert contact.erase_at == appointment.ends_at


def test_moved_the_new_retention_applies(dataset: Dataset) -> None:
    with inside(dataset.unit):
        appointment = make_appointment(dataset.cabinet, VISIT)
        save_practice(values={"retention_days": 30}, actor="user:1", now=NOW)
        contacts.stop_reminders(appointment=appointment, actor="patient", now=NOW)
        before = contacts.contact_of(appointment)
    move_by_patient(dataset, appointment)
    with inside(dataset.unit):
        after = contacts.contact_of(appointment)

    assert before is not None
    assert after is not None
    assert (before.retention_days, after.retention_days) == (357, 30)


def test_a_new_reminder_hour_applies_to_pending_reminders(dataset: Dataset) -> None:
    dataset.book()
    with inside(dataset.unit):
        save_practice(values={"reminder_minute": 9 * 60 + 30}, actor="user:1", now=NOW)
    entry = dataset.entry(kinds.REMINDER)
    assert entry.due_at == local(date(2026, 11, 23), 9, 30)
    assert entry.expires_at == local(date(2026, 11, 23), 11, 30)

    # At noon of the day before: by the new hour it would have gone already.
    noon = local(date(2026, 11, 23), 9)
    with inside(dataset.unit):
        save_practice(values={"reminder_minute": 8 * 60}, actor="user:1", now=noon)
    assert dataset.entry(kinds.REMINDER).due_at == local(date(2026, 11, 23), 9, 30)


def test_a_message_that_cannot_leave_does_not_keep_the_person(dataset: Dataset) -> None:
    appointment = dataset.book(person=make_person(email=""))
    by_patient(dataset, appointment)

    assert dataset.deliver(kinds.CANCELLED_BY_PATIENT) == "no_channel"
    assert dataset.contact(appointment) is None


def test_after_the_erasure_a_cancellation_still_notifies_the_practitioner(dataset: Dataset) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule="reminder", now=NOW)
    by_patient(dataset, dataset.reload(appointment))

    assert dataset.deliver(kinds.SLOT_FREED) == "sent"
    assert dataset.deliver(kinds.CANCELLED_BY_PATIENT) == "not_sent:erased"
    body = dataset.brevo.mails()[0].body
    assert appointment.spoken_ref in body["textContent"]
    assert "Camille" not in str(body)


def test_a_corrected_address_is_notified_and_then_erased(dataset: Dataset) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="patient", now=NOW
        )

    assert dataset.deliver(kinds.CONTACT_CORRECTED) == "sent"
    body = dataset.brevo.mails()[0].body
    assert body["to"] == [{"email": "camille@example.org"}]
    assert "new@example.org" not in str(body)
    known = dataset.contact(appointment)
    assert known is not None
    assert (known.email, known.previous_email) == ("new@example.org", "")


def test_an_address_taken_away_is_notified_though_the_appointment_is_cancelled_since(
    dataset: Dataset,
) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        contacts.correct(
            appointment=appointment, phone=None, email="new@example.org", actor="patient", now=NOW
        )
    by_patient(dataset, appointment)

    assert dataset.deliver(kinds.CANCELLED_BY_PATIENT) == "sent"
    assert dataset.contact(appointment) is not None
    assert dataset.deliver(kinds.CONTACT_CORRECTED) == "sent"
    assert dataset.brevo.mails()[-1].body["to"] == [{"email": "camille@example.org"}]
    assert dataset.contact(appointment) is None


def test_each_address_of_two_corrections_is_notified(dataset: Dataset) -> None:
    appointment = dataset.book()
    for address in ("new@example.org", "newer@example.org"):
        with inside(dataset.unit):
            contacts.correct(
                appointment=appointment, phone=None, email=address, actor="patient", now=NOW
            )
    with inside(dataset.unit):
        refs = OutboxEntry.objects.filter(kind=kinds.CONTACT_CORRECTED).order_by("pk")
        waiting = list(refs.values_list("ref", flat=True))

    for ref in waiting:
        deliver_entry(unit=dataset.unit, ref=ref, now=NOW, clock=lambda: NOW)

    recipients = [mail.body["to"][0]["email"] for mail in dataset.brevo.mails()]
    assert recipients == ["camille@example.org", "new@example.org"]
    known = dataset.contact(appointment)
    assert known is not None
    assert known.previous_email == ""


def test_lost_links_go_to_the_address_the_appointment_was_taken_with(dataset: Dataset) -> None:
    appointment = dataset.book()
    with inside(dataset.unit):
        subject = subject_of(appointment)
        write(due=[Due(kinds.MANAGE_LINKS, subject, NO_PAYLOAD, NOW, recipient="")], now=NOW)

    assert dataset.deliver(kinds.MANAGE_LINKS) == "sent"
    assert dataset.subjects == ["Vos rendez-vous à venir"]


def test_a_replacement_is_named(dataset: Dataset) -> None:
    with inside(dataset.unit):
        dataset.cabinet.practitioner.replacements.create(
            substitute_name="Jean Remplaçant", from_on=date(2026, 11, 23), to_on=date(2026, 11, 27)
        )
    dataset.book()
    dataset.deliver(kinds.CONFIRMATION)

    assert "Vous serez reçu(e) par Jean Remplaçant, qui remplace Maite Exemple." in str(
        dataset.brevo.mails()[0].body["textContent"]
    )


def test_a_message_about_a_home_visit_contains_no_address(dataset: Dataset) -> None:
    location = dataset.cabinet.location
    location.kind, location.name = "home", "À domicile"

    assert appointment_delivery.place_lines(location) == ("À domicile",)


def test_each_message_has_one_final_state(dataset: Dataset) -> None:
    appointment = dataset.book()
    dataset.deliver(kinds.CONFIRMATION)
    by_patient(dataset, appointment)
    for kind in (kinds.CANCELLED_BY_PATIENT, kinds.SLOT_FREED):
        dataset.deliver(kind)

    with inside(dataset.unit):
        states = list(OutboxEntry.objects.values_list("kind", "state"))
    assert sorted(states) == sorted(
        [
            (kinds.CONFIRMATION, "sent"),
            (kinds.REMINDER, "not_sent"),
            (kinds.CANCELLED_BY_PATIENT, "sent"),
            (kinds.SLOT_FREED, "sent"),
        ]
    )


def test_the_words_of_the_practice_leave_with_the_message_of_their_kind(dataset: Dataset) -> None:
    with inside(dataset.unit):
        MessageText.objects.create(kind="confirmation", text="Sonnez, {prenom}.")
    dataset.book()

    dataset.deliver(kinds.CONFIRMATION)
    dataset.deliver(kinds.REMINDER, at=EVE)

    bodies = [item.body["textContent"] for item in dataset.brevo.mails()]
    assert ["Sonnez, Camille." in body for body in bodies] == [True, False]


def test_a_message_sent_again_reaches_the_person_under_a_key_of_its_own(dataset: Dataset) -> None:
    appointment = dataset.book()
    dataset.deliver(kinds.CONFIRMATION)
    first = dataset.entry(kinds.CONFIRMATION)

    with inside(dataset.unit):
        ledger.resend(entry=first, appointment=dataset_row(appointment), actor="user:1", now=NOW)
    state = dataset.deliver(kinds.CONFIRMATION)

    assert state == "sent"
    assert dataset.entry(kinds.CONFIRMATION).ref != first.ref
    assert len(dataset.brevo.mails()) == 2


def dataset_row(appointment: Appointment) -> Appointment:
    """Return an appointment as the ledger reads it."""
    return Appointment.objects.select_related("practitioner", "location", "contact").get(
        pk=appointment.pk
    )
