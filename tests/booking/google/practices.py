"""Practices whose practitioner has, or is about to connect, an account at the fake server of Google."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from booking.appointments.book import book_by_staff
from booking.google import accounts, authorization, disconnection, polls
from booking.models import Appointment, Authorization, CalendarEntry, GoogleAccount
from tenants.accounts.models import User
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.factories import NOW, Cabinet, local, make_person
from tests.fakes.google import Google

ADDRESS = "maite@exemple.fr"
MONDAY = local((NOW + timedelta(days=7)).date(), 10)


@dataclass
class Clock:
    """An instant that only the test moves; the fake server has the same clock."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@dataclass
class LinkedPractice:
    """A practice with a connected account and the fake server, each used as the product uses it."""

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
                selection=self.cabinet.selection(starts_at),
                form_ref=uuid.uuid4(),
                person=make_person(**fields),
                actor="system",
                now=self.clock(),
            )

    def entry(self, appointment: Appointment) -> CalendarEntry:
        with inside(self.unit):
            return CalendarEntry.objects.get(appointment=appointment.pk)

    def deliver(self, *, kinds: str = "calendar.", rounds: int = 30) -> list[str]:
        """Deliver due outbox entries until none is due; return the states of those that have ended."""
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
        """Poll the account at once, as the periodic task does every ten minutes."""
        with inside(self.unit):
            polls.request_poll(account_id=self.account_id, now=self.clock())
        return polls.poll(unit=self.unit, account_id=self.account_id, clock=self.clock)

    def events(self, *, calendar: str = "") -> list[dict[str, Any]]:
        """Return the events of a calendar of the account, without deleted ones."""
        calendar_id = calendar or self.calendar()
        found = self.google.events(ADDRESS, calendar_id)
        return [event for event in found if event["status"] != "cancelled"]


class UnlinkedPractice:
    """A practice whose practitioner is about to connect an account."""

    def __init__(self, unit: Unit, google: Google, clock: Clock) -> None:
        self.unit, self.google, self.clock = unit, google, clock
        with inside(unit):
            self.cabinet = Cabinet()
            self.user = User.objects.create(email="maite@exemple.fr")
            self.other = User.objects.create(email="autre@exemple.fr")

    def begin(self, **fields: Any) -> str:
        with inside(self.unit):
            return authorization.begin(
                practitioner=self.cabinet.practitioner,
                user=self.user,
                session_key="session",
                is_instant=fields.get("is_instant", False),
                now=self.clock(),
            ).url

    def consent(self, url: str, **choices: Any) -> dict[str, str]:
        back = self.google.consent(url, ADDRESS, **choices)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def receive_return(self, parameters: dict[str, str], **fields: Any) -> Authorization:
        values: dict[str, Any] = {
            "user": self.user,
            "session_key": "session",
            "practitioner_ids": [self.cabinet.practitioner.pk],
            "now": self.clock(),
            **fields,
        }
        with inside(self.unit):
            return authorization.receive_return(
                state=parameters.get("state", ""), code=parameters.get("code", ""), **values
            )

    def deliver(self) -> None:
        for _round in range(10):
            with inside(self.unit):
                due = list(
                    OutboxEntry.objects.filter(
                        state="pending", due_at__lte=self.clock(), kind__startswith="calendar."
                    )
                )
            for entry in due:
                deliver_entry(unit=self.unit, ref=entry.ref, now=self.clock(), clock=self.clock)

    def attempt(self) -> Authorization:
        with inside(self.unit):
            return Authorization.objects.order_by("-id")[0]

    def account(self) -> GoogleAccount | None:
        with inside(self.unit):
            return GoogleAccount.objects.select_related("data_key").first()


def disconnect(agenda: LinkedPractice, on_disconnect: str = "keep") -> None:
    """Disconnect the account as its page does; a worker ends the link at the next ``deliver``."""
    with inside(agenda.unit):
        disconnection.disconnect(
            account=GoogleAccount.objects.get(pk=agenda.account_id),
            on_disconnect=GoogleAccount.OnDisconnect(on_disconnect),
            actor="user:1",
            now=agenda.clock(),
        )
