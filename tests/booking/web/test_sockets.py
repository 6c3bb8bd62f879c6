"""No page waits for an outside but one, ``dashboard:names``, after its unit of work (design section 3)."""

import ast
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as configured
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from booking.calendar_sync import calendar_entries
from booking.google import authorization, oauth
from booking.google.oauth import Grant
from booking.models import Appointment, CalendarEntry, GoogleAccount, PatientContact, Practitioner
from booking.patients import contacts
from booking.rules.erasure import Level
from tenants.accounts.models import User
from tenants.schema import Unit, inside
from tests.accounts import browser
from tests.booking.web.public.conftest import Visitor
from tests.proofs.dataset import CanaryPractice, canary, fill_tables, note_refs
from tests.proofs.routes import paths, routes

ROOT = Path(__file__).resolve().parents[3]
ONLY = "booking/web/dashboard/agenda/names.py"
SPEAKING = {
    "booking/google/calendar_api.py",
    "booking/google/oauth.py",
    "booking/formats/sms.py",
    "tenants/email_transport.py",
    "tenants/http_gateway.py",
}
"""The modules that open sockets, one for each outside service, and the gate."""


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """Return what a module imports, by its whole name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


# --- What the source says ----------------------------------------------------------------------------


def test_one_view_answers_after_its_unit() -> None:
    """Whatever is called inside a unit is refused by the gate, so a page can wait in no other way."""
    rooms = ("api", "billing", "booking", "compliance", "config")
    using = {
        name
        for name, tree in modules(*rooms)
        if "tenants.deferred_response.DeferredResponse" in imported(tree)
    }

    assert using == {ONLY}


def test_one_module_asks_google_for_names() -> None:
    using = {
        name
        for name, tree in modules("booking", "config", "compliance")
        if "booking.google.names" in imported(tree)
    }

    assert using == {ONLY}


def test_no_thread_opens_a_connection_outside_the_gateway() -> None:
    """The gate knows the unit of its own thread only: one thread pool is there, and it asks before."""
    using = {
        name
        for name, tree in modules("booking", "compliance", "tenants/accounts")
        if imported(tree) & {"threading", "concurrent.futures", "asyncio", "multiprocessing"}
    }

    assert using == {"booking/google/names.py"}


def test_sockets_are_opened_by_one_module_for_each_service() -> None:
    libraries = {"socket", "requests", "httplib2", "http.client", "urllib.request", "smtplib"}
    using = {
        name
        for name, tree in modules("booking", "compliance", "tenants")
        if imported(tree) & libraries
    }

    assert using == SPEAKING


# --- What the pages do --------------------------------------------------------------------------------


class Listening:
    """A door that counts who knocks, and answers nobody."""

    def __init__(self) -> None:
        self.count = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._door.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._door.accept()
                self.count += 1
                connection.close()

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join()


@pytest.fixture
def listening(settings: Settings) -> Iterator[Listening]:
    """Every outside service is this door."""
    door = Listening()
    settings.OUTBOUND = dict.fromkeys(settings.OUTBOUND, door.base)
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "fake-client", "fake-secret"
    settings.SMS_GATEWAY = "brevo"
    cache.clear()
    yield door
    door.close()
    cache.clear()


@pytest.fixture
def practice(committed_tenant: Callable[[str], Unit]) -> CanaryPractice:
    """A practice full of objects, linked at level L2, one of whose patients only Google still names."""
    unit = committed_tenant("sockets")
    host = "sockets.lib-rdv.localhost"
    made = CanaryPractice("sockets", unit, host, "", public=canary(), private=canary())
    now = datetime.now(UTC)
    with inside(unit):
        fill_tables(made, now=now)
        _link(now)
        note_refs(made)
    return made


def _link(now: datetime) -> None:
    scopes = frozenset({oauth.WRITE, oauth.BUSY})
    for practitioner in Practitioner.objects.all():
        account = authorization.save_account(
            practitioner=practitioner,
            user_id=0,
            grant=Grant(
                refresh_token="x",
                access_token="x",
                expires_at=now + timedelta(hours=1),
                scopes=scopes,
                subject=str(practitioner.pk),
                is_workspace=True,
            ),
            now=now,
        )
        GoogleAccount.objects.filter(pk=account.pk).update(level=Level.NAMED)
        calendar_entries.push_all(account=account, since=now, now=now)
    CalendarEntry.objects.update(level=Level.NAMED, state="written")
    appointments = Appointment.objects.filter(status="booked").earliest("starts_at")
    contact = PatientContact.objects.select_related("data_key").get(appointment=appointments)
    contacts.erase(contact=contact, rule=contacts.DUE, now=now)


def test_no_page_of_a_linked_practice_opens_a_socket(
    practice: CanaryPractice, listening: Listening
) -> None:
    opened = set()
    client = signed_in(practice)
    for route in routes(configured.ROOT_URLCONF):
        for path in paths(route, practice, with_tokens=True, most=40):
            answer = client.get(path)
            assert answer.status_code < 500
            if answer.status_code in {200, 405}:
                # The object that belongs there, or a route that only acts: it is tried too.
                opened |= {route.name} if answer.status_code == 200 else set()
                assert client.post(path).status_code < 500
                break
        if route.name.startswith("account"):
            client = signed_in(practice)

    assert listening.count == 0
    assert {"today", "week", "appointment", "cancel", "privacy", "home", "slots"} <= opened
    assert len(opened) > 60


def signed_in(practice: CanaryPractice) -> Client:
    """Return the owner's browser, just signed in: pages of the account sign out."""
    with inside(practice.unit):
        return browser(practice.host, User.objects.get(email=f"{practice.private}@example.org"))


def test_the_fragment_of_names_is_the_one_that_does(
    practice: CanaryPractice, listening: Listening
) -> None:
    with inside(practice.unit):
        appointment = Appointment.objects.filter(erased_at__isnull=False).get()

    answer = signed_in(practice).get(reverse("dashboard:names"), {"rdv": appointment.ref.hex})

    assert answer.status_code == 200
    assert "calendar.google.com" in answer.text
    assert listening.count == 1


def test_a_patient_books_moves_and_cancels_without_waiting_for_google(
    practice: CanaryPractice, listening: Listening
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        visitor = Visitor(practice.host, clock)
        answer = visitor.fill(visitor.choose())
        address = answer.headers["Location"].removesuffix("confirme/")
        pages = [visitor.get(f"{address}{action}") for action in ("confirme/", "", "deplacer/")]
        cancelled = visitor.post(f"{address}annuler/")

    assert answer.status_code == 302
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert cancelled.status_code == 302
    assert listening.count == 0
