"""Differences between lib-rdv and Google Calendar: listed, and resolved by the practitioner alone (B-28).

A change in the calendar never moves or cancels an appointment. The practitioner presses one of two buttons:
restore the event, or adopt the time that Google shows.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from booking.appointments.move import move
from booking.appointments.resize import NoSuchLength, resize
from booking.calendar_sync import calendar_entries
from booking.google.accounts import event_key, open_secret
from booking.google.calendar_api import (
    Client,
    Deleted,
    GoogleEvent,
    Missing,
    Refused,
    Unavailable,
)
from booking.google.leases import (
    LeaseUnavailable,
    acquire_lease,
    retry_delay,
)
from booking.google.oauth import GrantRevoked
from booking.models import Appointment, CalendarEntry
from booking.rules import event_body, kinds
from booking.rules.errors import (
    AlreadyCancelled,
    BeyondPromise,
    BookingError,
    ChangedMeanwhile,
    NotBookable,
    SlotTaken,
)
from booking.scheduling.slots import ResolvedSlot
from tenants.audit import services as audit
from tenants.outbox.delivery import SENT, DeliveryCall, Handler, Outcome, TryAgain, not_sent
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload
from tenants.outbox.services import Due, subject_of, write
from tenants.schema import Unit, inside

ASKED = "asked"
"""CalendarEntry.answer while a worker reads the time in Google."""
_FAILURE_CODES: dict[type[BookingError], str] = {
    SlotTaken: "taken",
    BeyondPromise: "beyond",
    AlreadyCancelled: "cancelled",
    ChangedMeanwhile: "changed",
    NoSuchLength: "length",
    NotBookable: "closed",
}
"""CalendarEntry.answer when the time that Google shows cannot be adopted."""


def differing(*, practitioner_ids: Collection[int], now: datetime) -> list[CalendarEntry]:
    """Return the entries of coming appointments that differ in Google or have a conflict there, by time."""
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


def find_difference(appointment: Appointment, *, states: Collection[str]) -> CalendarEntry | None:
    """Return the entry of an appointment, with an account and in one of these states, or None."""
    entries = CalendarEntry.objects.select_related("appointment", "account")
    return entries.filter(appointment=appointment, account__isnull=False, state__in=states).first()


def restore(*, entry: CalendarEntry, actor: str, now: datetime) -> None:
    """Schedule a push of the event as lib-rdv has it."""
    calendar_entries.push_again(entry=entry, now=now)
    audit.record(verb="calendar.restored", ref=entry.appointment.ref, actor=actor, now=now)


def adopt(*, entry: CalendarEntry, actor: str, now: datetime) -> None:
    """Enqueue the adoption: a worker reads the time in Google and moves the appointment there."""
    moved = CalendarEntry.objects.filter(pk=entry.pk, state=CalendarEntry.EventState.MOVED)
    if moved.update(answer=ASKED):
        stamp = f"{now:%Y%m%d%H%M%S%f}"
        adoption = Due(kinds.CALENDAR_ADOPT, subject_of(entry), NO_PAYLOAD, now, repeat=stamp)
        write(due=[adoption], now=now)
        audit.record(verb="calendar.adopted", ref=entry.appointment.ref, actor=actor, now=now)


class AdoptionHandler(Handler[NoPayload]):
    """Reads one event and moves its appointment to the same time, by the rules that hold for staff."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that reads and adopts the time; not sent when the difference was resolved meanwhile."""
        calendar_entry = (
            CalendarEntry.objects.select_related("account__data_key", "appointment")
            .filter(pk=entry.subject_id, state=CalendarEntry.EventState.MOVED, answer=ASKED)
            .first()
        )
        if calendar_entry is None or calendar_entry.account is None:
            return not_sent("gone")
        appointment, account = calendar_entry.appointment, calendar_entry.account
        event_id = event_body.event_id(
            key=event_key(), ref=appointment.ref, generation=calendar_entry.generation
        )
        calendar = open_secret(account).calendar
        get_event = partial(_get_event, calendar=calendar, event_id=event_id)
        return partial(self._adopt, entry, account.pk, appointment, get_event, unit)

    def complete(
        self,
        entry: OutboxEntry,
        payload: NoPayload,
        outcome: Outcome,
        *,
        unit: Unit,
        now: datetime,
    ) -> None:
        """Store the failure code in the calendar entry, for the page of the differences."""
        if outcome.state != OutboxEntry.EntryState.SENT:
            waiting = CalendarEntry.objects.filter(pk=entry.subject_id, answer=ASKED)
            waiting.update(answer=outcome.reason[:12])

    def _adopt(
        self,
        entry: OutboxEntry,
        account_id: int,
        appointment: Appointment,
        get_event: Callable[[Client], GoogleEvent],
        unit: Unit,
    ) -> Outcome:
        try:
            with acquire_lease(unit=unit, account_id=account_id, clock=self._clock) as lease:
                event = lease.call(get_event)
        except (LeaseUnavailable, Unavailable):
            if entry.attempts >= 5:
                return Outcome(OutboxEntry.EntryState.FAILED, "unreadable")
            raise TryAgain("waiting", after=retry_delay(entry.attempts)) from None
        except (Missing, Deleted, Refused, GrantRevoked):
            return Outcome(OutboxEntry.EntryState.FAILED, "unreadable")
        if event.is_cancelled or event.starts_at is None or event.ends_at is None:
            return Outcome(OutboxEntry.EntryState.FAILED, "unreadable")
        try:
            with inside(unit):
                adopt_time(
                    appointment=appointment,
                    starts_at=event.starts_at,
                    ends_at=event.ends_at,
                    now=self._clock(),
                )
        except BookingError as error:
            return Outcome(
                OutboxEntry.EntryState.FAILED, _FAILURE_CODES.get(type(error), "refused")
            )
        return SENT


def adopt_time(
    *, appointment: Appointment, starts_at: datetime, ends_at: datetime, now: datetime
) -> None:
    """Move the appointment to these times and notify its person; raises as ``move`` and ``resize`` do."""
    length = ends_at - starts_at
    sequence = appointment.sequence
    if length != appointment.ends_at - appointment.starts_at:
        appointment = resize(
            appointment=appointment,
            ends_at=appointment.starts_at + length,
            sequence=sequence,
            notify=starts_at == appointment.starts_at,
            actor=audit.SYSTEM,
            now=now,
        )
    if starts_at != appointment.starts_at:
        # With its own rows: a practitioner, a location or a type that was closed since stays.
        selection = ResolvedSlot(
            appointment.practitioner, appointment.location, appointment.appointment_type, starts_at
        ).selection
        move(
            appointment=appointment,
            selection=selection,
            by_patient=False,
            actor=audit.SYSTEM,
            sequence=appointment.sequence,
            now=now,
        )


def _get_event(client: Client, *, calendar: str, event_id: str) -> GoogleEvent:
    return client.get(calendar=calendar, event_id=event_id)
