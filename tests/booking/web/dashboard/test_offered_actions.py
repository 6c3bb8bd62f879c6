"""Every page shows only what the server accepts from its reader: each link and button is pressed, by each role."""

import uuid
from collections import Counter, deque
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.test import Client
from django.urls import resolve

from booking.appointments.book import book_by_staff
from booking.models import Absence, Practitioner, Replacement, WaitingEntry
from booking.scheduling.slots import ResolvedSlot
from booking.waiting_list.offers import offer_by_hand
from booking.waiting_list.waiting_entries import Wish, join
from booking.web.dashboard.urls import urlpatterns
from tenants.accounts.models import Role, User
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_entry,
    make_hours,
    make_link,
    make_location,
    make_person,
    make_practitioner,
    make_type,
)
from tests.page_actions import FormOnPage, actions_of

DAY = date(2026, 11, 12)
ROOT = "/espace/"
PER_ROUTE = 3
"""How many addresses of one route are opened: days and weeks lead on for ever."""
REFUSED = {403, 404, 405}
OUTDATED = "Quelqu’un a changé cette page entre-temps"
"""What an editor answers to a form that does not hold its version."""
CHANGING = {"csrfmiddlewaretoken", "form_ref", "version"}
MORE = ("/espace/horaires/?jour=2026-11-13", "/espace/premier-jour/", "/espace/mes-actes/")
"""Pages of an owner to which a long calendar, a script or a mail leads."""
UNSHOWN = {
    "bill_pdf": "an invoice",
    "bill_xml": "an invoice",
    "call": "a reminder failed",
    "date_clear": "other hours of a date",
    "first_appointment_types": "a practice that is not ready",
    "first_hours": "a practice that is not ready",
    "first_legal_identity": "a practice that is not ready",
    "first_open": "a practice that is ready and not online",
    "first_place": "a practice that is not ready",
    "first_profession": "a practice that is not ready",
    "google_complete_task": "a task of Google Agenda",
    "google_connect": "a practitioner without Google Agenda",
    "google_delete_event": "an erased person in Google Agenda",
    "google_return": "Google sends the browser there",
    "google_state": "a connection in progress asks for it",
    "identity_request": "a client's file that staff confirmed",
    "invitation_change": "an invitation",
    "message_resend": "a message failed",
    "names": "a script asks for it",
    "order_pdf": "a signed order",
    "pulse": "a script asks for it",
    "resend": "a confirmation of some minutes ago",
    "share_code": "a picture",
    "site_preview_colour": "a style sheet",
    "site_preview_picture": "a picture",
    "site_unpublish": "a published site",
}
"""Routes that the practice of this test does not show, and what they need."""


@pytest.fixture
def practice(cabinet: Cabinet) -> Cabinet:
    """Return a practice of two agendas, each with visits, absences, waiting persons, an offer and a calendar."""
    other = make_practitioner("Hugo Fictif", position=1)
    cabinet.type.practitioners.add(other)
    make_hours(other, cabinet.location)
    make_type([other], [cabinet.location], label="Bilan")
    make_location(name="À domicile", kind="home")
    for practitioner in (cabinet.practitioner, other):
        _fill(cabinet, practitioner)
    Absence.objects.create(label="Congrès", starts_at=local(DAY, 17), ends_at=local(DAY, 18))
    return cabinet


def _fill(cabinet: Cabinet, practitioner: Practitioner) -> None:
    for starts_at in (NOW - timedelta(minutes=30), local(DAY, 9), local(DAY, 11)):
        booked = book_by_staff(
            selection=cabinet.selection(starts_at, practitioner_id=practitioner.pk),
            form_ref=uuid.uuid4(),
            person=make_person(),
            actor="system",
            now=NOW,
        )
    Absence.objects.create(
        practitioner=practitioner,
        label="Formation",
        starts_at=local(DAY, 10),
        ends_at=local(DAY, 12),
    )
    Replacement.objects.create(
        practitioner=practitioner,
        substitute_name="Paul Factice",
        from_on=DAY,
        to_on=DAY,
    )
    make_entry(booked, make_link(practitioner), state="deleted")
    for number in range(2):
        entry = join(
            wish=Wish(cabinet.type, cabinet.location, practitioner),
            person=make_person(first_name=f"Lou{number}"),
            form_ref=uuid.uuid4(),
            origin=WaitingEntry.EntryOrigin.STAFF,
            actor="system",
            now=NOW,
        )
    slot = ResolvedSlot(practitioner, cabinet.location, cabinet.type, local(DAY, 15))
    assert entry is not None
    offer_by_hand(entry=entry, selection=slot.selection, actor="system", now=NOW)


Member = Callable[[Cabinet], User]


def limited(role: Role, *, is_own: bool = False, has_other: bool = False) -> Member:
    """Return a function that makes a member who reaches the first agenda, and perhaps the other one."""

    def make(cabinet: Cabinet) -> User:
        first, other = Practitioner.objects.order_by("position")
        entrusted = [*([] if is_own else [first.ref]), *([other.ref] if has_other else [])]
        user = make_member(role, entrusted=entrusted)
        if is_own:
            first.user = user
            first.save(update_fields=["user"])
        return user

    return make


MEMBERS: dict[str, Member] = {
    "a secretary of one agenda": limited(Role.SECRETARY),
    "a secretary of both": limited(Role.SECRETARY, has_other=True),
    "a replacement": limited(Role.REPLACEMENT),
    "a practitioner": limited(Role.PRACTITIONER, is_own=True),
    "a practitioner with a colleague's agenda": limited(
        Role.PRACTITIONER, is_own=True, has_other=True
    ),
    "a practitioner without agenda": limited(Role.PRACTITIONER),
    "an owner": limited(Role.OWNER, is_own=True),
}


def route_of(address: str) -> str:
    """Return the name of the route of an address of the dashboard."""
    return resolve(urlsplit(address).path, "config.urls_tenant").view_name


class Walk:
    """Opens every page that a page leads to and presses each button once; ``refused`` is what it could not do."""

    def __init__(self, client: Client, *more: str) -> None:
        self.client = client
        self.refused: list[str] = []
        self.routes = Counter[str]()
        self._waiting = deque((ROOT, *more))
        self._opened = Counter[str]()
        self._known = {ROOT, *more}
        self._pressed: set[str] = set()

    def run(self) -> "Walk":
        """Open pages until none is left."""
        while self._waiting:
            address = self._waiting.popleft()
            self.routes[route_of(address)] += 1
            self._opened[route_of(address)] += 1
            if self._opened[route_of(address)] <= PER_ROUTE:
                self._open(address)
        return self

    def _open(self, address: str) -> None:
        answer = self.client.get(address)
        if answer.status_code in REFUSED:
            self.refused.append(f"{answer.status_code} GET {address}")
        links, forms = actions_of(answer.text if _is_page(answer) else "", address=address)
        for link in [*links, answer.get("Location", "")]:
            if link.startswith(ROOT) and link not in self._known:
                self._known.add(link)
                self._waiting.append(link)
        for form in forms:
            if form.method == "post" and form.action.startswith(ROOT):
                self._press(form, page=address)

    def _press(self, form: FormOnPage, *, page: str) -> None:
        """Send a form by each of its buttons, and leave the practice as it was."""
        for values in form.sent():
            shown = {key: value for key, value in values.items() if key not in CHANGING}
            if (sent := f"{form.action} {shown}") in self._pressed:
                continue
            self._pressed.add(sent)
            self.routes[route_of(form.action)] += 1
            with transaction.atomic():
                answer = self.client.post(form.action, values)
                transaction.set_rollback(True)
            is_outdated = answer.status_code == 409 and OUTDATED in answer.text
            if answer.status_code in REFUSED or is_outdated:
                self.refused.append(f"{answer.status_code} POST {sent} on {page}")


def _is_page(answer: Any) -> bool:
    return bool(answer.get("Content-Type", "").startswith("text/html"))


@pytest.mark.parametrize("member", sorted(MEMBERS))
def test_nothing_that_a_page_shows_is_refused(practice: Cabinet, host: str, member: str) -> None:
    """Buttons were shown to a person limited to some agendas that the server then refused."""
    client = browser(host, MEMBERS[member](practice))

    walked = Walk(client).run()

    assert walked.refused == []
    assert len(walked.routes) > 5


def test_the_walk_reaches_every_page(practice: Cabinet, host: str) -> None:
    """A page to which no page leads would not be tried above."""
    client = browser(host, MEMBERS["an owner"](practice))
    shown = {f"dashboard:{each.name}" for each in urlpatterns if each.name not in UNSHOWN}

    assert shown - set(Walk(client, *MORE).run().routes) == set()
