"""Delivery of the message to a practitioner to whom a colleague has moved visits; no person is named."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.urls import reverse

from booking.models import Appointment, Practitioner
from booking.rules import kinds
from booking.rules.kinds import ReceivedVisits
from booking.scheduling.catalogue import practice_zone
from tenants.accounts.models import User
from tenants.accounts.permissions import Operation
from tenants.accounts.services.memberships import access_of
from tenants.outbox import delivery
from tenants.outbox.delivery import DeliveryCall, Handler, Outcome, not_sent
from tenants.outbox.emails import Email, send
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit


class ReceivedHandler(Handler[ReceivedVisits]):
    """Sends the message about one visit, or about all visits of an agenda that was handed over."""

    def prepare(
        self, entry: OutboxEntry, payload: ReceivedVisits, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Read the agenda again; send nothing about one visit that has left it, is cancelled or past."""
        practitioner = (
            Practitioner.objects.select_related("user").filter(pk=entry.subject_id).first()
        )
        user = practitioner.user if practitioner else None
        if practitioner is None or user is None or not _sees(user, practitioner, now=now):
            return not_sent("gone")
        if not practitioner.notifies_received:
            return not_sent("stopped")
        visit = (
            Appointment.objects.select_related("location", "appointment_type")
            .filter(
                pk=payload.appointment_id,
                practitioner=practitioner,
                status=Appointment.Status.BOOKED,
                starts_at__gt=now,
            )
            .first()
        )
        if visit is None and payload.count == 1:
            return not_sent("moved")
        return partial(send, _email(entry, visit, to=user.email, count=payload.count), unit)


def _sees(user: User, practitioner: Practitioner, *, now: datetime) -> bool:
    today = now.astimezone(practice_zone()).date()
    access = access_of(user=user, own=[practitioner.ref], on=today)
    return user.is_active and access.allows(Operation.SEE_AGENDA, practitioner.ref)


def _email(entry: OutboxEntry, visit: Appointment | None, *, to: str, count: int) -> Email:
    """Return the message; of several visits the first one is named while it stands in the agenda."""
    zone = ZoneInfo(visit.location.time_zone) if visit else None
    starts = visit.starts_at.astimezone(zone) if visit else None
    context = {
        "starts": starts,
        "today": starts.date() if starts else None,
        "spoken_ref": visit.spoken_ref if visit else "",
        "label": visit.appointment_type.label if visit else "",
        "location": visit.location.name if visit else "",
        "count": count,
    }
    pages = {"link": "today", "stop_url": "digest"}
    paths = {
        name: reverse(f"dashboard:{page}", urlconf="config.urls_tenant")
        for name, page in pages.items()
    }
    if starts:
        paths["link"] += f"?jour={starts.date().isoformat()}"
    return Email(entry, "received", to, context, paths)


def register() -> None:
    """Register the handler; called once, when the apps are ready."""
    delivery.register(kinds.RECEIVED, ReceivedHandler())
