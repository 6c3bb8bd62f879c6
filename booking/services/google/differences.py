"""What the practitioner has changed in Google: shown, and decided by them alone (B-28, issue of the two buttons).

A patient is never moved or cancelled by what a calendar says, only by somebody who presses a button.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from booking import event_body, kinds
from booking.errors import (
    AlreadyCancelled,
    BeyondPromise,
    BookingError,
    ChangedMeanwhile,
    NotBookable,
    SlotTaken,
)
from booking.google_calendar import Client, Deleted, Event, Missing, Refused, Unavailable
from booking.google_oauth import Dead
from booking.models import Appointment, CalendarEntry
from booking.services import calendar_entries
from booking.services.appointments import move
from booking.services.choice import Choice
from booking.services.google.accounts import event_key, open_secret
from booking.services.google.leases import Busy, hold, jitter
from booking.services.resizing import NoSuchLength, resize
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.schema import Unit, inside
from tenants.trail import services as trail

ASKED = "asked"
_ANSWERS: dict[type[BookingError], str] = {
    SlotTaken: "taken",
    BeyondPromise: "beyond",
    AlreadyCancelled: "cancelled",
    ChangedMeanwhile: "changed",
    NoSuchLength: "length",
    NotBookable: "closed",
}
"""Why the time that Google shows cannot be taken over."""


def differing(*, practitioner_ids: Collection[int], now: datetime) -> list[CalendarEntry]:
    """Return the coming appointments that stand otherwise in Google, or in conflict with it, by time."""
    entries = CalendarEntry.objects.select_related(
        "appointment__practitioner", "appointment__location", "appointment__appointment_type"
    ).filter(
        appointment__practitioner__in=practitioner_ids,
        appointment__status=Appointment.Status.BOOKED,
        appointment__ends_at__gt=now,
        account__isnull=False,
    )
    different = entries.filter(state__in=CalendarEntry.DIFFERENT)
    return list((different | entries.filter(has_conflict=True)).order_by("appointment__starts_at"))


def restore(*, entry: CalendarEntry, actor: str, now: datetime) -> None:
    """Write the event again as lib-rdv has it."""
    calendar_entries.push_again(entry=entry, now=now)
    trail.record(verb="calendar.restored", ref=entry.appointment.ref, actor=actor, now=now)


def adopt(*, entry: CalendarEntry, actor: str, now: datetime) -> None:
    """Have a worker read the time that Google shows and move the appointment there."""
    moved = CalendarEntry.objects.filter(pk=entry.pk, state=CalendarEntry.State.MOVED)
    if moved.update(answer=ASKED):
        stamp = f"{now:%Y%m%d%H%M%S%f}"
        write(due=[Due(kinds.CALENDAR_ADOPT, entry.pk, now, audience=stamp)], now=now)
        trail.record(verb="calendar.adopted", ref=entry.appointment.ref, actor=actor, now=now)


class Adopt:
    """Reads one event and moves its appointment, by the rules that hold for staff."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Find where to read; what was decided otherwise since is left alone."""
        found = (
            CalendarEntry.objects.select_related("account__data_key", "appointment")
            .filter(pk=entry.object_id or 0, state=CalendarEntry.State.MOVED, answer=ASKED)
            .first()
        )
        if found is None or found.account is None:
            return Outcome(OutboxEntry.State.DROPPED, "gone")
        appointment = found.appointment
        event_id = event_body.event_id(
            key=event_key(), ref=appointment.ref, generation=found.generation
        )
        calendar = open_secret(found.account).calendar
        ask = partial(_get, calendar=calendar, event_id=event_id)
        return partial(self._adopt, entry, found.account.pk, appointment, ask, unit)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Say why not, on the page."""
        if outcome.state != OutboxEntry.State.SENT:
            asked = CalendarEntry.objects.filter(pk=entry.object_id or 0, answer=ASKED)
            asked.update(answer=outcome.reason[:12])

    def _adopt(
        self,
        entry: OutboxEntry,
        account_id: int,
        appointment: Appointment,
        ask: Callable[[Client], Event],
        unit: Unit,
    ) -> Outcome:
        try:
            with hold(unit=unit, account_id=account_id, clock=self._clock) as held:
                event = held.call(ask)
        except (Busy, Unavailable):
            if entry.attempts >= 5:
                return Outcome(OutboxEntry.State.FAILED, "unreadable")
            raise TryAgain("waiting", after=jitter(entry.attempts)) from None
        except (Missing, Deleted, Refused, Dead):
            return Outcome(OutboxEntry.State.FAILED, "unreadable")
        if event.is_cancelled or event.starts_at is None or event.ends_at is None:
            return Outcome(OutboxEntry.State.FAILED, "unreadable")
        try:
            with inside(unit):
                take_over(
                    appointment=appointment,
                    starts_at=event.starts_at,
                    ends_at=event.ends_at,
                    now=self._clock(),
                )
        except BookingError as error:
            return Outcome(OutboxEntry.State.FAILED, _ANSWERS.get(type(error), "refused"))
        return SENT


def take_over(
    *, appointment: Appointment, starts_at: datetime, ends_at: datetime, now: datetime
) -> None:
    """Move the appointment to these times and tell its person; raises as ``move`` and ``resize`` do."""
    length = ends_at - starts_at
    sequence = appointment.sequence
    if length != appointment.ends_at - appointment.starts_at:
        appointment = resize(
            appointment=appointment,
            ends_at=appointment.starts_at + length,
            sequence=sequence,
            tell=starts_at == appointment.starts_at,
            actor=trail.SYSTEM,
            now=now,
        )
    if starts_at != appointment.starts_at:
        choice = Choice(
            practitioner_id=appointment.practitioner_id,
            location_id=appointment.location_id,
            appointment_type_id=appointment.appointment_type_id,
            starts_at=starts_at,
        )
        move(
            appointment=appointment,
            choice=choice,
            by_patient=False,
            actor=trail.SYSTEM,
            sequence=appointment.sequence,
            now=now,
        )


def _get(client: Client, *, calendar: str, event_id: str) -> Event:
    return client.get(calendar=calendar, event_id=event_id)
