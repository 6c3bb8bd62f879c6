"""What is written to a practitioner of their calendar, and to lib-rdv's staff: no patient is in it (B-24)."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from booking import kinds
from booking.models import Appointment, CalendarEntry, GoogleAccount, Practitioner
from booking.services import deadlines
from booking.services.google.lights import STUCK_AFTER, health_of
from tenants.outbox.delivery import Outcome
from tenants.outbox.mailing import Letter, send
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit


class CalendarLetter:
    """What the four mails share: nothing is settled after them."""

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Nothing follows from a mail."""


class Lost(CalendarLetter):
    """The link must be made again."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Write only while it is still so."""
        account = (
            GoogleAccount.objects.select_related("practitioner__user")
            .filter(pk=entry.object_id or 0, state=GoogleAccount.State.RECONNECT)
            .first()
        )
        if account is None:
            return Outcome(OutboxEntry.State.DROPPED, "reconnected")
        context: dict[str, object] = {
            "practitioner": account.practitioner.name,
            "is_closed": account.closes_when_lost,
        }
        return _sending(entry, "calendar_lost", account.practitioner, context, unit)


class Failing(CalendarLetter):
    """Something could not be written into the calendar for an hour, or Google has refused it."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Write only while it is still so."""
        account = (
            GoogleAccount.objects.select_related("practitioner__user")
            .filter(pk=entry.object_id or 0, state=GoogleAccount.State.CONNECTED)
            .first()
        )
        health = health_of(account=account, now=now) if account else None
        if account is None or health is None or not health.is_failing:
            return Outcome(OutboxEntry.State.DROPPED, "over")
        context: dict[str, object] = {
            "practitioner": account.practitioner.name,
            "refused": health.refused,
            "waiting": health.waiting if health.waits_for >= STUCK_AFTER else 0,
        }
        return _sending(entry, "calendar_failing", account.practitioner, context, unit)


class Conflict(CalendarLetter):
    """Something of the practitioner's own calendar stands at the time of an appointment."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Write only while it is still so, and still to come."""
        found = (
            CalendarEntry.objects.select_related(
                "appointment__practitioner__user", "appointment__location"
            )
            .filter(
                appointment_id=entry.object_id or 0,
                appointment__sequence=entry.version,
                appointment__status=Appointment.Status.BOOKED,
                appointment__starts_at__gt=now,
                has_conflict=True,
            )
            .first()
        )
        if found is None:
            return Outcome(OutboxEntry.State.DROPPED, "over")
        appointment = found.appointment
        zone = ZoneInfo(appointment.location.time_zone)
        context: dict[str, object] = {
            "starts": appointment.starts_at.astimezone(zone),
            "today": now.astimezone(zone).date(),
            "spoken_ref": appointment.spoken_ref,
        }
        return _sending(entry, "calendar_conflict", appointment.practitioner, context, unit)


class StuckAlert(CalendarLetter):
    """Accounts wait since an hour; its ``object_id`` is the count. Written in the public schema."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Return the act of sending."""
        context: dict[str, object] = {"count": entry.object_id or 0}
        return partial(send, Letter(entry, "calendar_stuck", settings.STAFF_EMAIL, context), unit)


def _sending(
    entry: OutboxEntry,
    name: str,
    practitioner: Practitioner,
    context: dict[str, object],
    unit: Unit,
) -> Outcome | Callable[[], Outcome]:
    user = practitioner.user
    to = (user.email if user else "") or deadlines.practice().email
    if not to:
        return Outcome(OutboxEntry.State.NO_CHANNEL)
    paths = {"link": reverse("dashboard:google", urlconf="config.urls_tenant")}
    return partial(send, Letter(entry, name, to, context, paths), unit)


LETTERS: dict[str, CalendarLetter] = {
    kinds.CALENDAR_LOST: Lost(),
    kinds.CALENDAR_FAILING: Failing(),
    kinds.CALENDAR_CONFLICT: Conflict(),
    kinds.CALENDAR_STUCK: StuckAlert(),
}
"""The handler of each kind of mail."""
