"""T8: the list at the practice, its order, what is offered by hand, who is taken off."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.appointments.cancel import cancel
from booking.models import Appointment, Offer, WaitingEntry
from booking.waiting_list import offers, waiting_entries
from booking.waiting_list.waiting_entries import Wish
from tenants.accounts.models import Role
from tests.accounts import browser, make_member
from tests.factories import NOW, Cabinet, make_appointment, make_person, make_practitioner

SLOT = NOW + timedelta(days=8)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    return browser(host, make_member(Role.OWNER))


def page(name: str, *arguments: uuid.UUID) -> str:
    return reverse(f"dashboard:{name}", args=arguments)


def wait(
    cabinet: Cabinet, name: str = "Ane", practitioner: Any = None, **facts: str
) -> WaitingEntry:
    entry = waiting_entries.join(
        wish=Wish(cabinet.type, cabinet.location, practitioner),
        person=make_person(first_name=name, **{"email": f"{name}@example.org".lower()} | facts),
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.EntryOrigin.STAFF,
        actor="system",
        now=NOW,
    )
    assert entry is not None
    return entry


def freed(cabinet: Cabinet) -> Offer:
    booked = make_appointment(cabinet, SLOT)
    cancel(appointment=booked, by_patient=False, actor="system", now=NOW)
    return Offer.objects.get(state=Offer.OfferState.OFFERED)


def test_an_empty_list_says_how_people_come(owner: Client, cabinet: Cabinet) -> None:
    assert "Personne n’attend." in owner.get(page("waiting")).text
    assert page("waiting") in owner.get(page("today")).text


def test_the_list_is_drawn_in_its_order_with_what_is_offered(
    owner: Client, cabinet: Cabinet
) -> None:
    wait(cabinet, "Ane")
    wait(cabinet, "Bea", email="")
    freed(cabinet)

    shown = owner.get(page("waiting")).text

    assert shown.index("Ane Spécimen") < shown.index("Bea Spécimen")
    assert "gardé jusqu’à 11 h 10" in re.sub("\\s", " ", shown)
    assert shown.count("À appeler") == 1


def test_fifty_people_cost_as_many_queries_as_two(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    for name in ("Ane", "Bea"):
        wait(cabinet, name)
    owner.get(page("waiting"))
    with count_queries() as two:
        owner.get(page("waiting"))
    for number in range(58):
        wait(cabinet, f"Personne{number}")

    with count_queries() as many:
        answer = owner.get(page("waiting"))

    assert len(many) == len(two)
    assert "1 à 50 sur 60" in answer.text


def test_somebody_who_calls_is_added_by_hand(owner: Client, cabinet: Cabinet) -> None:
    typed = {
        "name": "Ane Factice",
        "contact": "06 39 98 01 04",
        "appointment_type": str(cabinet.type.ref),
        "place": str(cabinet.location.ref),
        "practitioner": "",
        "days": ["1", "3"],
        "half": "afternoon",
        "form_ref": str(uuid.uuid4()),
    }

    assert owner.post(page("waiting_add"), typed | {"contact": "06"}).status_code == 422
    assert owner.post(page("waiting_add"), typed | {"name": ""}).status_code == 422
    assert owner.post(page("waiting_add"), typed).status_code == 302
    assert owner.post(page("waiting_add"), typed).status_code == 302  # a second click

    entry = WaitingEntry.objects.get()
    assert (entry.weekdays, entry.half, entry.origin) == (0b1010, "afternoon", "staff")
    assert "À appeler" in owner.get(page("waiting")).text


def test_the_order_is_changed_by_buttons(owner: Client, cabinet: Cabinet) -> None:
    ane, bea = wait(cabinet, "Ane"), wait(cabinet, "Bea")

    owner.post(page("waiting_change", bea.ref), {"action": "first"})
    assert list(WaitingEntry.objects.all()) == [bea, ane]
    owner.post(page("waiting_change", bea.ref), {"action": "down"})
    assert list(WaitingEntry.objects.all()) == [ane, bea]
    assert owner.post(page("waiting_change", bea.ref), {"action": "?"}).status_code == 404


def test_a_free_slot_is_offered_by_hand(owner: Client, cabinet: Cabinet) -> None:
    wait(cabinet, "Ane")
    bea = wait(cabinet, "Bea")
    shown = owner.get(page("waiting_offer", bea.ref)).text
    slots = re.findall(r'name="slot" value="([^"]+)"', shown)
    assert len(slots) > 10

    assert owner.post(page("waiting_offer", bea.ref), {"slot": slots[-1]}).status_code == 302

    assert Offer.objects.get().entry == bea
    again = owner.post(page("waiting_offer", bea.ref), {"slot": slots[-2]})
    assert again.status_code == 409
    assert "une autre proposition court" in again.text
    assert owner.post(page("waiting_offer", bea.ref), {"slot": "faux"}).status_code == 404


@pytest.mark.parametrize(
    ("column", "sentence"), [("type", "Ce motif est archivé"), ("location", "Ce lieu est fermé")]
)
def test_no_slot_is_shown_that_cannot_be_offered(
    owner: Client, cabinet: Cabinet, column: str, sentence: str
) -> None:
    """An archived type or a closed location is told as such, instead of slots that are always refused."""
    entry = wait(cabinet)
    row = getattr(cabinet, column)
    row.is_active = False
    row.save()

    shown = owner.get(page("waiting_offer", entry.ref)).text

    assert sentence in shown
    assert 'name="slot"' not in shown


def test_a_slot_taken_meanwhile_is_said_so(owner: Client, cabinet: Cabinet) -> None:
    entry = wait(cabinet)
    shown = owner.get(page("waiting_offer", entry.ref)).text
    slot = re.findall(r'name="slot" value="([^"]+)"', shown)[-1]
    from booking.web.public.search import read_value

    selection = read_value(slot, cabinet.type.ref.hex)
    assert selection is not None
    make_appointment(cabinet, selection.starts_at)

    answer = owner.post(page("waiting_offer", entry.ref), {"slot": slot})

    assert answer.status_code == 409
    assert "vient d’être prise" in answer.text


@pytest.mark.parametrize(
    ("action", "status", "is_waiting"),
    [
        ("accept", Appointment.Status.BOOKED, False),
        ("refuse", None, True),
        ("withdraw", None, True),
    ],
)
def test_what_was_said_on_the_telephone_is_noted(
    owner: Client, cabinet: Cabinet, action: str, status: str | None, is_waiting: bool
) -> None:
    entry = wait(cabinet)
    offer = freed(cabinet)

    assert owner.post(page("offer_answer", offer.ref), {"action": action}).status_code == 302

    appointment = Appointment.objects.filter(offers=offer).first()
    assert (appointment.status if appointment else None) == status
    assert WaitingEntry.objects.filter(pk=entry.pk).exists() is is_waiting
    assert owner.post(page("offer_answer", offer.ref), {"action": action}).status_code == 302
    assert owner.post(page("offer_answer", offer.ref), {"action": "?"}).status_code == 404


def test_taking_somebody_off_is_asked_once_and_erases(owner: Client, cabinet: Cabinet) -> None:
    entry = wait(cabinet)

    assert "effacées de la liste aussitôt" in owner.get(page("waiting_remove", entry.ref)).text
    assert WaitingEntry.objects.exists()
    assert owner.post(page("waiting_remove", entry.ref)).status_code == 302

    assert not WaitingEntry.objects.exists()
    assert owner.get(page("waiting_remove", entry.ref)).status_code == 404


def test_a_practitioner_sees_who_waits_for_them_or_for_anybody(cabinet: Cabinet, host: str) -> None:
    member = make_member(Role.PRACTITIONER)
    mine = make_practitioner("Hugo Fictif", user=member)
    cabinet.type.practitioners.add(mine)
    theirs = wait(cabinet, "Ane", practitioner=cabinet.practitioner)
    wait(cabinet, "Bea", practitioner=mine)
    wait(cabinet, "Cid")
    client = browser(host, member)

    shown = client.get(page("waiting")).text

    assert [name in shown for name in ("Ane Sp", "Bea Sp", "Cid Sp")] == [False, True, True]
    for name in ("waiting_offer", "waiting_remove"):
        assert client.post(page(name, theirs.ref)).status_code == 404
    offer = offers.offer_by_hand(
        entry=theirs, selection=cabinet.selection(SLOT), actor="system", now=NOW
    )
    assert offer is not None
    assert client.post(page("offer_answer", offer.ref), {"action": "accept"}).status_code == 404
