"""Telling a person of whom only the practitioner's calendar still knows: in memory, nothing kept (B-28)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from booking import event_body
from booking.google_calendar import Client, Deleted, Missing, Refused, Unavailable, Words
from booking.google_oauth import Dead
from booking.messages import Channel, Recipient
from booking.models import CalendarEntry, CalendarTask
from booking.services import calendar_entries, notices
from booking.services.google.accounts import event_key, open_secret
from booking.services.google.leases import Busy, hold, jitter
from tenants.outbox.delivery import Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit


class Tell:
    """Reads the event of an appointment that the practice has cancelled, and writes its person an SMS.

    Without SMS the event stays and the practitioner has a task without a name: the page reads the number.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Find where to read, and what to say."""
        held_back = (
            CalendarEntry.objects.select_related(
                "account__data_key",
                "appointment__practitioner__user",
                "appointment__location",
                "appointment__appointment_type",
            )
            .filter(appointment_id=entry.object_id or 0, is_held_back=True)
            .first()
        )
        if held_back is None or held_back.account is None:
            return Outcome(OutboxEntry.State.DROPPED, "gone")
        letter = notices.letter_to_nobody(entry, held_back.appointment, now=now)
        if letter is None or held_back.appointment.starts_at <= now:
            return Outcome(OutboxEntry.State.NO_CHANNEL)
        ask = partial(
            _read,
            calendar=open_secret(held_back.account).calendar,
            event_id=event_body.event_id(
                key=event_key(),
                ref=held_back.appointment.ref,
                generation=held_back.generation,
            ),
        )
        return partial(self._tell, letter, ask, held_back.account.pk, unit=unit)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Let the event go once the person is told; else leave the task."""
        held_back = CalendarEntry.objects.filter(
            appointment_id=entry.object_id or 0, is_held_back=True
        )
        found = held_back.select_related("appointment").first()
        if found is None:
            return
        if outcome.state == OutboxEntry.State.SENT:
            calendar_entries.let_go(appointment=found.appointment, now=now)
        else:
            kind = CalendarTask.Kind.CALL
            calendar_entries.ask(appointment_id=found.appointment_id, kind=kind, now=now)

    def _tell(
        self, letter: notices.Letter, ask: Callable[[Client], Words], account_id: int, *, unit: Unit
    ) -> Outcome:
        try:
            with hold(unit=unit, account_id=account_id, clock=self._clock) as held:
                words = held.call(ask)
        except (Busy, Unavailable):
            if letter.entry.attempts >= 5:
                return Outcome(OutboxEntry.State.NO_CHANNEL, "unreadable")
            raise TryAgain("waiting", after=jitter(letter.entry.attempts)) from None
        except (Missing, Deleted, Refused, Dead):
            return Outcome(OutboxEntry.State.NO_CHANNEL, "unreadable")
        if not words.phone:
            return Outcome(OutboxEntry.State.NO_CHANNEL, "no_number")
        known = Recipient(first_name=words.summary.partition(" ")[0], phone=words.phone)
        letter = replace(letter, recipient=known, channel=Channel.SMS)
        return notices.send(letter, unit=unit, now=self._clock())


def _read(client: Client, *, calendar: str, event_id: str) -> Words:
    return client.read(calendar=calendar, event_id=event_id)
