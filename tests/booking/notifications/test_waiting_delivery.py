"""The e-mails of the waiting list, from the outbox to the relay, and the end of an offer."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import resolve
from pytest_django import Settings

from booking.appointments import offer_acceptance
from booking.appointments.cancel import cancel
from booking.messages import waiting_messages
from booking.messages.appointment_messages import Recipient
from booking.messages.waiting_messages import Wait, WaitingMessageKind
from booking.models import Appointment, Offer, WaitingEntry
from booking.rules import kinds
from booking.waiting_list import waiting_contacts, waiting_entries
from booking.waiting_list.waiting_entries import Wish
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.refs import new_ref
from tenants.schema import Unit, inside
from tenants.website.colours import brand
from tests.conftest import owner_cursor
from tests.factories import NOW, Cabinet, make_appointment, make_person
from tests.fakes.brevo import API_KEY, Brevo, running

SLOT = NOW + timedelta(days=9)
HALF_HOUR = timedelta(minutes=30)


class Dataset:
    """A practice that commits, two people on its list, and a fake relay."""

    def __init__(self, unit: Unit, brevo: Brevo) -> None:
        self.unit, self.brevo = unit, brevo
        with inside(unit):
            self.cabinet = Cabinet()
            self.old = make_appointment(self.cabinet, SLOT + timedelta(days=4))
            for name, gives_back in (("ane", self.old), ("bea", None)):
                waiting_entries.join(
                    wish=Wish(self.cabinet.type, self.cabinet.location),
                    person=make_person(first_name=name, email=f"{name}@example.org"),
                    form_ref=new_ref(),
                    origin=WaitingEntry.EntryOrigin.PATIENT,
                    actor="patient",
                    gives_back=gives_back,
                    now=NOW,
                )

    def free(self) -> None:
        """Book a slot and cancel it."""
        with inside(self.unit):
            booked = make_appointment(self.cabinet, SLOT)
            cancel(appointment=booked, by_patient=False, actor="system", now=NOW)

    def deliver(self, kind: str, *, at: datetime = NOW) -> list[str]:
        """Deliver what is due of a kind; return states and reasons."""
        with inside(self.unit):
            due = OutboxEntry.objects.filter(
                kind=kind, state=OutboxEntry.EntryState.PENDING, due_at__lte=at
            )
            refs = list(due.order_by("id").values_list("ref", flat=True))
        for ref in refs:
            deliver_entry(unit=self.unit, ref=ref, now=at, clock=lambda: at)
        with inside(self.unit):
            done = OutboxEntry.objects.filter(ref__in=refs).order_by("id")
            return [f"{entry.state}:{entry.reason}".rstrip(":") for entry in done]

    def offers(self) -> list[tuple[str, int]]:
        """Return the state of each offer with the position of its entry on the list."""
        with inside(self.unit):
            made = Offer.objects.order_by("id").select_related("entry")
            return [(offer.state, offer.entry.position if offer.entry else 0) for offer in made]


@pytest.fixture
def dataset(committed_tenant: Callable[[str], Unit], settings: Settings) -> Iterator[Dataset]:
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.email_transport.BrevoBackend"
        yield Dataset(committed_tenant("attente"), brevo)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_joining_is_confirmed_with_the_last_day_and_the_link_to_leave(dataset: Dataset) -> None:
    assert dataset.deliver(kinds.WAITING_JOINED) == ["sent", "sent"]

    body = dataset.brevo.mails()[1].body
    assert body["subject"] == "Vous êtes sur la liste d'attente"
    text = plain(body["textContent"])
    assert "au plus tard le 10 décembre 2026" in text
    link = re.search(r"http\S+/attente/(\S+?)/", text)
    assert link is not None
    assert resolve(f"/attente/{link[1]}/", urlconf="config.urls_tenant").url_name == "waiting"
    with inside(dataset.unit):
        entry = waiting_entries.find_entry(link[1])
        assert entry is not None
        assert entry.position == 2


def test_an_offer_is_sent_to_one_then_to_the_next(dataset: Dataset) -> None:
    dataset.free()

    assert dataset.deliver(kinds.OFFER) == ["sent"]
    body = dataset.brevo.mails()[-1].body
    assert body["to"][0]["email"] == "ane@example.org"
    assert plain(body["subject"]).endswith("gardé jusqu'à 11 h 10")
    text = plain(body["textContent"])
    assert "/offre/" in text
    assert "votre rendez-vous du lundi 23 novembre à 10 h 40 est annulé en même temps" in text
    assert dataset.deliver(kinds.OFFER_EXPIRY, at=NOW + HALF_HOUR) == ["sent"]
    assert dataset.offers() == [("expired", 1), ("offered", 2)]

    assert dataset.deliver(kinds.OFFER, at=NOW + HALF_HOUR) == ["sent"]
    body = dataset.brevo.mails()[-1].body
    assert body["to"][0]["email"] == "bea@example.org"
    assert "annulé en même temps" not in body["textContent"]


def test_an_offer_that_has_ended_is_not_sent(dataset: Dataset) -> None:
    dataset.free()
    with inside(dataset.unit):
        offer = Offer.objects.get()
        assert offer_acceptance.withdraw(offer=offer, actor="user:1", now=NOW)

    assert dataset.deliver(kinds.OFFER) == []
    assert not dataset.brevo.mails()


def test_the_end_of_an_answered_offer_changes_nothing(dataset: Dataset) -> None:
    dataset.free()
    dataset.deliver(kinds.OFFER)
    with inside(dataset.unit):
        offer_acceptance.refuse(offer=Offer.objects.get(), actor="patient", now=NOW)

    assert dataset.deliver(kinds.OFFER_EXPIRY, at=NOW + HALF_HOUR) == ["not_sent:over"]
    assert dataset.offers() == [("refused", 1), ("offered", 2)]


def test_a_mail_that_no_relay_takes_passes_the_slot_on(dataset: Dataset) -> None:
    with inside(dataset.unit):
        first = waiting_entries.read_entry(WaitingEntry.objects.earliest("position").pk)
        assert first is not None
        waiting_contacts.seal(first, make_person(email="ane@localhost"))
        first.save(update_fields=["sealed"])
    dataset.free()

    assert dataset.deliver(kinds.OFFER)[0].startswith("failed")

    assert dataset.offers() == [("withdrawn", 1), ("offered", 2)]


def test_a_suspended_practice_offers_nothing_and_keeps_its_slot(dataset: Dataset) -> None:
    dataset.free()
    with owner_cursor() as cursor:
        cursor.execute(
            "UPDATE public.tenants_tenant SET state = 'suspended' WHERE schema_name = %s",
            [dataset.unit.schema],
        )

    assert dataset.deliver(kinds.OFFER) == ["not_sent:closed"]

    assert dataset.offers() == [("withdrawn", 1)]
    assert not dataset.brevo.mails()
    with inside(dataset.unit):
        assert not Appointment.objects.filter(status=Appointment.Status.HELD).exists()


def test_accepting_confirms_and_notifies_of_the_old_one(dataset: Dataset) -> None:
    dataset.free()
    dataset.deliver(kinds.OFFER)
    with inside(dataset.unit):
        offer_acceptance.accept(offer=Offer.objects.get(), actor="patient", now=NOW)

    assert dataset.deliver(kinds.CONFIRMATION)[-1] == "sent"
    assert dataset.deliver(kinds.CANCELLED_BY_PATIENT) == ["sent"]
    with inside(dataset.unit):
        status = Appointment.objects.get(pk=dataset.old.pk).status
        # The slot given back is offered to the next at once.
        offer = Offer.objects.get(state=Offer.OfferState.OFFERED)
        assert offer.starts_at == dataset.old.starts_at
    assert status == Appointment.Status.CANCELLED_BY_PATIENT


def test_a_message_of_the_list_names_no_appointment_type_and_fits_in_an_sms(
    dataset: Dataset,
) -> None:
    zone = ZoneInfo("Europe/Paris")
    wait = Wait(
        zone=zone,
        practitioner="Maite Exemple",
        base_url="https://maite.lib-rdv.fr",
        url="https://maite.lib-rdv.fr/offre/" + "x" * 43 + "/",
        leave_url="https://maite.lib-rdv.fr/attente/" + "x" * 43 + "/",
        erase_at=NOW + timedelta(days=30),
        starts_at=SLOT,
        until=NOW + HALF_HOUR,
        minutes=45,
        colour="#aa3355",
    )
    mail = waiting_messages.render_mail(
        WaitingMessageKind.OFFER,
        wait=wait,
        recipient=Recipient(email="ane@example.org"),
        key=new_ref(),
        now=NOW,
    )

    assert "Consultation" not in str(mail.body)
    assert "Durée\u00a0: 45 min" in str(mail.body)
    assert brand("#aa3355").light.accent in str(mail.alternatives[0][0])
    for kind in WaitingMessageKind:
        assert len(waiting_messages.render_sms(kind, wait=wait)) <= 160
