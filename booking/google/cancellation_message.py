"""Cancellation messages to persons that are erased here and named only in the practitioner's calendar (B-28).

The name and the phone number are read from the event, used in memory and never stored.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from booking.calendar_sync import calendar_entries
from booking.formats.names import greeting
from booking.google.accounts import event_key, open_secret
from booking.google.calendar_api import (
    Client,
    Deleted,
    Missing,
    Refused,
    Unavailable,
    Words,
)
from booking.google.leases import (
    LeaseUnavailable,
    acquire_lease,
    retry_delay,
)
from booking.google.oauth import GrantRevoked
from booking.messages.appointment_messages import MessageChannel, Recipient
from booking.models import CalendarEntry, CalendarTask
from booking.notifications import appointment_delivery
from booking.rules import event_body
from booking.rules.kinds import AppointmentVersion
from tenants.outbox.delivery import DeliveryCall, Handler, Outcome, TryAgain, not_sent
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit


class CancellationHandler(Handler[AppointmentVersion]):
    """Reads the event of an appointment that the practice has cancelled, and sends its person an SMS.

    When no SMS can be sent, the event stays in the calendar and the practitioner gets a task to call. The task
    holds no name; the page reads name and number from the event.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, payload: AppointmentVersion, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that reads the event and sends the SMS; no channel once the visit has begun."""
        calendar_entry = (
            CalendarEntry.objects.select_related(
                "account__data_key",
                "appointment__practitioner__user",
                "appointment__location",
                "appointment__appointment_type",
            )
            .filter(appointment_id=entry.subject_id, is_held_back=True)
            .first()
        )
        if calendar_entry is None or calendar_entry.account is None:
            return not_sent("gone")
        appointment = calendar_entry.appointment
        message = appointment_delivery.message_without_recipient(entry, appointment, now=now)
        if message is None or appointment.starts_at <= now:
            return Outcome(OutboxEntry.EntryState.NO_CHANNEL)
        read_event = partial(
            _read_event,
            calendar=open_secret(calendar_entry.account).calendar,
            event_id=event_body.event_id(
                key=event_key(), ref=appointment.ref, generation=calendar_entry.generation
            ),
        )
        return partial(self._notify, message, read_event, calendar_entry.account.pk, unit=unit)

    def complete(
        self,
        entry: OutboxEntry,
        payload: AppointmentVersion,
        outcome: Outcome,
        *,
        unit: Unit,
        now: datetime,
    ) -> None:
        """Release the event when the SMS was sent; otherwise create a task to call the person."""
        calendar_entry = (
            CalendarEntry.objects.select_related("appointment")
            .filter(appointment_id=entry.subject_id, is_held_back=True)
            .first()
        )
        if calendar_entry is None:
            return
        appointment = calendar_entry.appointment
        if outcome.state == OutboxEntry.EntryState.SENT:
            calendar_entries.release_event(appointment=appointment, now=now)
        else:
            calendar_entries.create_task(
                appointment_id=appointment.pk, kind=CalendarTask.TaskKind.CALL, now=now
            )

    def _notify(
        self,
        message: appointment_delivery.OutgoingMessage,
        read_event: Callable[[Client], Words],
        account_id: int,
        *,
        unit: Unit,
    ) -> Outcome:
        try:
            with acquire_lease(unit=unit, account_id=account_id, clock=self._clock) as lease:
                words = lease.call(read_event)
        except (LeaseUnavailable, Unavailable):
            if message.entry.attempts >= 5:
                return Outcome(OutboxEntry.EntryState.NO_CHANNEL, "unreadable")
            raise TryAgain("waiting", after=retry_delay(message.entry.attempts)) from None
        except (Missing, Deleted, Refused, GrantRevoked):
            return Outcome(OutboxEntry.EntryState.NO_CHANNEL, "unreadable")
        if not words.phone:
            return Outcome(OutboxEntry.EntryState.NO_CHANNEL, "no_number")
        recipient = Recipient(
            first_name=greeting(words.summary.partition(" ")[0], ""), phone=words.phone
        )
        message = replace(message, recipient=recipient, channel=MessageChannel.SMS)
        return appointment_delivery.send(message, unit=unit, now=self._clock())


def _read_event(client: Client, *, calendar: str, event_id: str) -> Words:
    return client.read(calendar=calendar, event_id=event_id)
