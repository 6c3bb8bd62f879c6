"""E-mails about a calendar, to its practitioner and to lib-rdv's staff; none names a patient (B-24)."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from booking.google.sync_health import STUCK_AFTER, health_of
from booking.models import Appointment, CalendarEntry, GoogleAccount, Practitioner
from booking.rules.kinds import AccountCount, AppointmentVersion
from booking.scheduling.catalogue import current_practice
from tenants.outbox.delivery import DeliveryCall, Handler, Outcome, not_sent
from tenants.outbox.emails import Email, send
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NoPayload
from tenants.schema import Unit


class LinkLostEmail(Handler[NoPayload]):
    """E-mail to the practitioner: the account must be reconnected."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that sends the e-mail; not sent when the account was reconnected meanwhile."""
        account = (
            GoogleAccount.objects.select_related("practitioner__user")
            .filter(pk=entry.subject_id, state=GoogleAccount.LinkState.RECONNECT)
            .first()
        )
        if account is None:
            return not_sent("reconnected")
        context: dict[str, object] = {
            "practitioner": account.practitioner.name,
            "is_closed": account.closes_when_lost,
        }
        return _email_to_practitioner(entry, "calendar_lost", account.practitioner, context, unit)


class SyncFailingEmail(Handler[NoPayload]):
    """E-mail to the practitioner: events have waited for an hour, or Google has refused them."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that sends the e-mail; not sent when nothing fails any more."""
        account = (
            GoogleAccount.objects.select_related("practitioner__user")
            .filter(pk=entry.subject_id, state=GoogleAccount.LinkState.CONNECTED)
            .first()
        )
        health = health_of(account=account, now=now) if account else None
        if account is None or health is None or not health.is_failing:
            return not_sent("over")
        context: dict[str, object] = {
            "practitioner": account.practitioner.name,
            "refused": health.refused,
            "waiting": health.waiting if health.waits_for >= STUCK_AFTER else 0,
        }
        return _email_to_practitioner(
            entry, "calendar_failing", account.practitioner, context, unit
        )


class ConflictEmail(Handler[AppointmentVersion]):
    """E-mail to the practitioner: another event of their own calendar overlaps an appointment."""

    def prepare(
        self, entry: OutboxEntry, payload: AppointmentVersion, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that sends the e-mail; not sent when the conflict or the appointment is over."""
        calendar_entry = (
            CalendarEntry.objects.select_related(
                "appointment__practitioner__user", "appointment__location"
            )
            .filter(
                appointment_id=entry.subject_id,
                appointment__sequence=payload.sequence,
                appointment__status=Appointment.Status.BOOKED,
                appointment__starts_at__gt=now,
                has_conflict=True,
            )
            .first()
        )
        if calendar_entry is None:
            return not_sent("over")
        appointment = calendar_entry.appointment
        zone = ZoneInfo(appointment.location.time_zone)
        context: dict[str, object] = {
            "starts": appointment.starts_at.astimezone(zone),
            "today": now.astimezone(zone).date(),
            "spoken_ref": appointment.spoken_ref,
        }
        return _email_to_practitioner(
            entry, "calendar_conflict", appointment.practitioner, context, unit
        )


class StuckAlert(Handler[AccountCount]):
    """Alert to lib-rdv's staff about accounts with a fault; its outbox entry is in the public schema."""

    def prepare(
        self, entry: OutboxEntry, payload: AccountCount, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that sends the alert."""
        context: dict[str, object] = {"count": payload.count}
        return partial(send, Email(entry, "calendar_stuck", settings.STAFF_EMAIL, context), unit)


def _email_to_practitioner(
    entry: OutboxEntry,
    name: str,
    practitioner: Practitioner,
    context: dict[str, object],
    unit: Unit,
) -> Outcome | DeliveryCall:
    user = practitioner.user
    to = (user.email if user else "") or current_practice().email
    if not to:
        return Outcome(OutboxEntry.EntryState.NO_CHANNEL)
    paths = {"link": reverse("dashboard:google", urlconf="config.urls_tenant")}
    return partial(send, Email(entry, name, to, context, paths), unit)
