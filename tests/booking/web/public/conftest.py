"""A practice of one practitioner, visited without cookies at a pretended hour."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from booking.models import Appointment
from booking.patients import links
from tenants.schema import Unit
from tests.factories import NOW, Cabinet
from tests.page_text import collapsed

SLOT = re.compile(r'name="(?:slot|creneau)" value="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Visitor:
    """Somebody with a browser: presses buttons of the page they see, keeps no cookie."""

    def __init__(self, host: str, clock: time_machine.Traveller) -> None:
        self.client = Client(SERVER_NAME=host)
        self.clock = clock

    def get(self, path: str, **headers: str) -> HttpResponse:
        """Open a page."""
        return self.client.get(path, headers=headers)  # type: ignore[return-value]

    def post(self, path: str, data: dict[str, str] | None = None, **headers: str) -> HttpResponse:
        """Send a form."""
        return self.client.post(path, data or {}, headers=headers)  # type: ignore[return-value]

    def clock_now(self) -> datetime:
        """Return the pretended now."""
        return timezone.now()

    def come_from(self, address: str) -> None:
        """Send what follows from another address."""
        self.client.defaults["REMOTE_ADDR"] = address

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.clock.shift(timedelta(**span))

    def choose(self, number: int = 0, page: str = "/") -> HttpResponse:
        """Press the n-th slot of a page."""
        shown = text(self.get(page))
        return self.press(hidden(shown) | {"slot": SLOT.findall(shown)[number]})

    def press(self, fields: dict[str, str]) -> HttpResponse:
        """Press a slot button and follow to the form, as a browser does."""
        answer = self.post("/reserver/", fields)
        return self.get(answer.headers["Location"]) if answer.status_code == 303 else answer

    def fill(self, details: HttpResponse, **typed: str) -> HttpResponse:
        """Fill the form of the details page at a person's pace and send it."""
        self.wait(seconds=20)
        values = {"first_name": "Camille", "last_name": "Spécimen", "email": "camille@example.org"}
        return self.post("/reserver/confirmer/", hidden(text(details)) | values | typed)

    def book(self, number: int = 0, **typed: str) -> Appointment:
        """Book the n-th free slot and return the appointment."""
        answer = self.fill(self.choose(number), **typed)
        assert answer.status_code == 302, text(answer)
        token = answer.headers["Location"].split("/")[2]
        found = links.find_by_token(token)
        assert found is not None
        return found


def text(response: HttpResponse) -> str:
    """Return the page, each run of white space as one space."""
    return collapsed(response.content.decode())


def hidden(page: str) -> dict[str, str]:
    """Return what a page's first forms send along."""
    return dict(HIDDEN.findall(page))


def address(appointment: Appointment, action: str = "") -> str:
    """Return the address of an appointment's page."""
    return f"/rdv/{links.manage_token(appointment)}/{action}"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stand still at the pretended now."""
    with time_machine.travel(NOW, tick=False) as coordinates:
        yield coordinates


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    """The osteopath in Bidart."""
    return Cabinet()


@pytest.fixture
def visitor(cabinet: Cabinet, host: str, clock: time_machine.Traveller) -> Iterator[Visitor]:
    """A visitor of the practice."""
    cache.clear()
    yield Visitor(host, clock)
    cache.clear()
