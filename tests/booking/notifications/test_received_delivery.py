"""Whoever receives a moved visit is told: one mail without a name, where the practitioner wants it."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest
from pytest_django import Settings

from booking.agenda.changes import changes_for
from booking.appointments.cancel import cancel
from booking.appointments.move import NOTIFIED_AFTER, move
from booking.models import Appointment, Practitioner
from booking.practice.agendas import choose_received_message, hand_over
from booking.rules import kinds
from booking.scheduling.catalogue import practice_zone
from tenants.accounts.models import Role
from tenants.audit.services import actor_of
from tenants.outbox import message_limits
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.accounts import make_member, memberships_of
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_hours,
    make_practitioner,
)
from tests.fakes.brevo import API_KEY, Brevo, running

DAY = date(2026, 11, 12)
DUE = NOW + NOTIFIED_AFTER
NORA = "user:999"


class Dataset:
    """A practice of two that commits; the second practitioner, Ane, has an account and receives the visits."""

    def __init__(self, unit: Unit, brevo: Brevo) -> None:
        self.unit, self.brevo = unit, brevo
        with inside(unit):
            self.cabinet = Cabinet()
            self.account = make_member(Role.PRACTITIONER, "ane@example.org")
            self.colleague = make_practitioner("Ane Exemple", user=self.account)
            self.cabinet.type.practitioners.add(self.colleague)
            make_hours(self.colleague, self.cabinet.location)

    def book(self, hour: int) -> Appointment:
        with inside(self.unit):
            return make_appointment(self.cabinet, local(DAY, hour))

    def hand(
        self,
        appointment: Appointment,
        practitioner: Practitioner | None = None,
        *,
        actor: str = NORA,
        by_patient: bool = False,
    ) -> None:
        """Move a visit to another agenda, at its hour."""
        with inside(self.unit):
            fresh = Appointment.objects.get(pk=appointment.pk)
            receiver = practitioner or self.colleague
            move(
                appointment=fresh,
                selection=self.cabinet.selection(fresh.starts_at, practitioner_id=receiver.pk),
                by_patient=by_patient,
                actor=actor,
                now=NOW,
            )

    def entries(self) -> list[OutboxEntry]:
        with inside(self.unit):
            return list(OutboxEntry.objects.filter(kind=kinds.RECEIVED).order_by("id"))

    def deliver(self, *, at: datetime = DUE) -> list[str]:
        """Deliver what is due; return how each message ended, or "pending"."""
        for entry in self.entries():
            deliver_entry(unit=self.unit, ref=entry.ref, now=at, clock=lambda: at)
        return [f"{entry.state}:{entry.reason}".rstrip(":") for entry in self.entries()]


@pytest.fixture
def dataset(committed_tenant: Callable[[str], Unit], settings: Settings) -> Iterator[Dataset]:
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.email_transport.BrevoBackend"
        yield Dataset(committed_tenant("received"), brevo)


def test_the_receiver_gets_one_mail_with_the_hour_and_the_reference_and_no_name(
    dataset: Dataset,
) -> None:
    appointment = dataset.book(14)

    dataset.hand(appointment)

    assert dataset.deliver() == ["sent"]
    (mail,) = dataset.brevo.mails()
    sent = mail.body
    assert sent["to"][0]["email"] == "ane@example.org"
    for body in (sent["textContent"], sent["htmlContent"]):
        assert "jeudi 12 novembre" in body.replace("\xa0", " ")
        assert appointment.spoken_ref in body
        assert "/espace/?jour=2026-11-12" in body
        assert "/espace/messages/resume/" in body
    for word in ("Camille", "Spécimen", "camille@", "639980104", "39 98 01 04"):
        assert word not in str(sent)


def test_it_stands_among_the_changes_of_the_receiver(dataset: Dataset) -> None:
    appointment = dataset.book(14)

    dataset.hand(appointment)

    with inside(dataset.unit):
        found = changes_for(
            user=dataset.account,
            practitioner_ids=[dataset.colleague.pk],
            zone=practice_zone(),
            now=NOW,
        )
    assert [change.row.appointment.ref for change in found.lines] == [appointment.ref]


def test_an_agenda_that_is_handed_over_is_one_mail(dataset: Dataset) -> None:
    for hour in (9, 11, 15):
        dataset.book(hour)

    with inside(dataset.unit):
        done = hand_over(
            practitioner=dataset.cabinet.practitioner,
            colleague=dataset.colleague,
            actor=NORA,
            now=NOW,
        )

    assert done.moved == 3
    assert dataset.deliver() == ["sent"]
    (mail,) = [each for each in dataset.brevo.mails() if "ane@" in str(each.body["to"])]
    assert mail.body["subject"].replace("\xa0", " ") == "3 rendez-vous vous sont confiés"
    assert "9\xa0h" in mail.body["textContent"]


def test_a_move_that_is_taken_back_at_once_sends_nothing(dataset: Dataset) -> None:
    appointment = dataset.book(14)
    dataset.hand(appointment)
    dataset.hand(appointment, dataset.cabinet.practitioner)

    assert dataset.deliver() == ["not_sent:moved"]
    assert dataset.brevo.mails() == []


def test_a_cancelled_or_past_visit_is_not_notified(dataset: Dataset) -> None:
    first, second = dataset.book(14), dataset.book(16)
    dataset.hand(first)
    dataset.hand(second)
    with inside(dataset.unit):
        fresh = Appointment.objects.get(pk=first.pk)
        cancel(appointment=fresh, by_patient=False, actor=NORA, notify=False, now=NOW)

    assert dataset.deliver(at=local(DAY, 16)) == ["not_sent:moved", "not_sent:moved"]


def test_no_mail_for_one_s_own_move_or_the_patient_s_or_within_one_agenda(
    dataset: Dataset,
) -> None:
    dataset.hand(dataset.book(9), actor=actor_of(dataset.account.pk))
    dataset.hand(dataset.book(12), by_patient=True, actor="patient")
    dataset.hand(dataset.book(14), dataset.cabinet.practitioner)

    assert dataset.entries() == []


def test_an_agenda_without_account_has_no_reader(dataset: Dataset) -> None:
    with inside(dataset.unit):
        Practitioner.objects.filter(pk=dataset.colleague.pk).update(user=None)

    dataset.hand(dataset.book(14))

    assert dataset.entries() == []


def test_who_does_not_want_it_gets_none_even_when_it_waits(dataset: Dataset) -> None:
    dataset.hand(dataset.book(9))
    with inside(dataset.unit):
        choose_received_message(
            practitioner=Practitioner.objects.get(pk=dataset.colleague.pk),
            is_wanted=False,
            actor=NORA,
            now=NOW,
        )
    dataset.hand(dataset.book(14))

    assert dataset.deliver() == ["not_sent:stopped"]


def test_who_has_lost_the_access_is_not_notified(dataset: Dataset) -> None:
    dataset.hand(dataset.book(14))
    with inside(dataset.unit):
        (membership,) = memberships_of(dataset.account)
        membership.until_on = DAY - timedelta(days=30)
        membership.from_on = DAY - timedelta(days=60)
        membership.save(update_fields=["from_on", "until_on"])

    assert dataset.deliver() == ["not_sent:gone"]


def test_messages_beyond_the_bound_do_not_leave_and_the_moves_hold(dataset: Dataset) -> None:
    most = next(rate.most for rate in kinds.RECEIVED.bound.by_member if rate.scope == "recipient")
    appointment = dataset.book(14)
    with message_limits.by_member():
        for _each in range(most + 2):
            dataset.hand(appointment)
            dataset.hand(appointment, dataset.cabinet.practitioner)

    limited = [entry for entry in dataset.entries() if entry.reason == message_limits.LIMITED]

    assert len(dataset.entries()) == most + 2
    assert len(limited) == 2
    with inside(dataset.unit):
        assert Appointment.objects.get().practitioner_id == dataset.cabinet.practitioner.pk
