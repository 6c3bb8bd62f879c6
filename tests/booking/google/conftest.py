"""A practice of its own whose practitioner has an account at the double of Google."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from booking import google_oauth
from booking.event_body import Level
from booking.google_oauth import Grant
from booking.models import Appointment, CalendarEntry, GoogleAccount
from booking.services.appointments import book_by_staff
from booking.services.google import accounts, authorizing, polling
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.factories import NOW, Cabinet, make_person
from tests.fakes.google import Google, serving

ADDRESS = "maite@exemple.fr"


@dataclass
class Clock:
    """An instant that only the test moves; the double has the same."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@dataclass
class Linked:
    """A practice, its account and its double, each reached as the product reaches it."""

    unit: Unit
    google: Google
    clock: Clock
    cabinet: Cabinet
    account_id: int

    def account(self) -> GoogleAccount:
        with inside(self.unit):
            return GoogleAccount.objects.get(pk=self.account_id)

    def calendar(self) -> str:
        with inside(self.unit):
            row = GoogleAccount.objects.select_related("data_key").get(pk=self.account_id)
            return accounts.open_secret(row).calendar

    def book(self, starts_at: datetime, **fields: Any) -> Appointment:
        with inside(self.unit):
            return book_by_staff(
                choice=self.cabinet.choice(starts_at),
                form_ref=uuid.uuid4(),
                person=make_person(**fields),
                actor="system",
                now=self.clock(),
            )

    def entry(self, appointment: Appointment) -> CalendarEntry:
        with inside(self.unit):
            return CalendarEntry.objects.get(appointment=appointment.pk)

    def deliver(self, *, kinds: str = "calendar.", rounds: int = 30) -> list[str]:
        """Deliver what is due until nothing is; return the states of what ended."""
        states: list[str] = []
        for _round in range(rounds):
            with inside(self.unit):
                due = list(
                    OutboxEntry.objects.filter(
                        state="pending", due_at__lte=self.clock(), kind__startswith=kinds
                    ).order_by("due_at", "id")
                )
            if not due:
                break
            for entry in due:
                outcome = deliver_entry(
                    unit=self.unit, ref=entry.ref, now=self.clock(), clock=self.clock
                )
                if outcome is not None:
                    states.append(outcome.state.value)
        return states

    def poll(self) -> bool:
        """Let the worker look, as the clock would ten minutes later."""
        with inside(self.unit):
            polling.ask_soon(account_id=self.account_id, now=self.clock())
        return polling.poll(unit=self.unit, account_id=self.account_id, clock=self.clock)

    def events(self, *, calendar: str = "") -> list[dict[str, Any]]:
        """What stands in a calendar of the account, tombstones left out."""
        wanted = calendar or self.calendar()
        found = self.google.events(ADDRESS, wanted)
        return [event for event in found if event["status"] != "cancelled"]


@pytest.fixture
def google(settings: Settings) -> Iterator[Google]:
    """The double, and the settings that point at it."""
    double = Google(redirects=[settings.GOOGLE_REDIRECT_URI])
    with serving(double) as served:
        settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "fake-client", "fake-secret"
        settings.GOOGLE_CONSENT_URL = f"{served.base}/o/oauth2/v2/auth"
        settings.GOOGLE_TIMEOUT_SECONDS = 1
        settings.GOOGLE_BACKOFF_SECONDS = 0.0
        settings.OUTBOUND = {
            **settings.OUTBOUND,
            "google_calendar": f"{served.base}/",
            "google_oauth": f"{served.base}/",
        }
        yield double


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the handlers too, which were made before any test."""
    made = Clock()
    from tenants.outbox import delivery

    for handler in delivery._handlers.values():
        if hasattr(handler, "_clock"):
            monkeypatch.setattr(handler, "_clock", made)
    return made


@pytest.fixture
def linked(
    google: Google, clock: Clock, committed_tenant: Callable[[str], Unit]
) -> Callable[..., Linked]:
    """Return a function that makes a practice whose practitioner is linked."""

    def make(name: str = "agenda", *, level: Level = Level.NAMED, **fields: Any) -> Linked:
        unit = committed_tenant(name)
        google.clock = clock
        google.account(ADDRESS)
        scopes = [google_oauth.WRITE, google_oauth.BUSY]
        access, refresh = google.grant(ADDRESS, scopes)
        with inside(unit):
            cabinet = Cabinet()
            account = authorizing.keep(
                practitioner=cabinet.practitioner,
                user_id=0,
                grant=Grant(
                    refresh_token=refresh,
                    access_token=access,
                    expires_at=clock() + timedelta(hours=1),
                    scopes=frozenset(scopes),
                    subject="1",
                    is_workspace=False,
                ),
                now=clock(),
            )
            GoogleAccount.objects.filter(pk=account.pk).update(level=level.value, **fields)
        made = Linked(unit, google, clock, cabinet, account.pk)
        authorizing._start(unit=unit, account_id=account.pk, clock=clock)
        made.deliver()
        return made

    return make
