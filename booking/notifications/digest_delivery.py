"""Delivery of the digest of the day: counts and hours for a member of the practice, no patient."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.urls import reverse

from booking.agenda.rows import Row, latest_reminders
from booking.models import Appointment, DigestSubscription, Practitioner
from booking.rules import kinds
from booking.rules.kinds import DigestDay
from booking.scheduling.catalogue import practice_zone
from tenants.accounts.models import User
from tenants.accounts.permissions import Operation
from tenants.accounts.services.memberships import access_of
from tenants.outbox import delivery
from tenants.outbox.delivery import DeliveryCall, Handler, Outcome, not_sent
from tenants.outbox.emails import Email, send
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit


@dataclass
class AgendaDigest:
    """The figures of one practitioner's day; ``missed`` counts the persons without a delivered reminder."""

    name: str
    count: int = 0
    first: datetime | None = None
    missed: int = 0


class DigestHandler(Handler[DigestDay]):
    """Sends the digest of one day to one member."""

    def prepare(
        self, entry: OutboxEntry, payload: DigestDay, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Read the current agendas of the day; send nothing when the member has unsubscribed or lost access."""
        user = User.objects.filter(pk=entry.subject_id, is_active=True).first()
        if user is None:
            return not_sent("gone")
        if not DigestSubscription.objects.filter(user=user).exists():
            return not_sent("stopped")
        on, zone = payload.on, practice_zone()
        is_over = entry.expires_at is not None and now > entry.expires_at
        if is_over or on != now.astimezone(zone).date():
            return not_sent("late")
        agendas = agendas_of(user, on=on, zone=zone)
        if not agendas:
            return not_sent("empty")
        return partial(send, _email(entry, to=user.email, on=on, agendas=agendas), unit)


def agendas_of(user: User, *, on: date, zone: ZoneInfo) -> list[AgendaDigest]:
    """Return the agendas with appointments on a local date that a user may see; no contact is read."""
    practitioners = list(Practitioner.objects.filter(is_active=True))
    own = [practitioner.ref for practitioner in practitioners if practitioner.user_id == user.pk]
    access = access_of(user=user, own=own, on=on)
    agendas = {
        practitioner.pk: AgendaDigest(practitioner.name)
        for practitioner in practitioners
        if access.allows(Operation.SEE_AGENDA, practitioner.ref)
    }
    starts = datetime.combine(on, time(), tzinfo=zone)
    ends = datetime.combine(on + timedelta(days=1), time(), tzinfo=zone)
    rows = list(
        Appointment.objects.select_related("location")
        .filter(
            practitioner__in=agendas,
            status=Appointment.Status.BOOKED,
            starts_at__gte=starts,
            starts_at__lt=ends,
        )
        .order_by("starts_at")
    )
    reminders = latest_reminders(rows)
    for row in rows:
        agenda = agendas[row.practitioner_id]
        agenda.count += 1
        if agenda.first is None:
            agenda.first = row.starts_at.astimezone(ZoneInfo(row.location.time_zone))
        agenda.missed += not Row(row, None, reminders.get((row.pk, row.sequence))).is_reached
    return [agenda for agenda in agendas.values() if agenda.count]


def _email(entry: OutboxEntry, *, to: str, on: date, agendas: list[AgendaDigest]) -> Email:
    context = {
        "on": on,
        "agendas": agendas,
        "count": sum(agenda.count for agenda in agendas),
        "missed": sum(agenda.missed for agenda in agendas),
    }
    paths = {
        name: reverse(f"dashboard:{page}", urlconf="config.urls_tenant")
        for name, page in (("link", "today"), ("stop_url", "digest"))
    }
    return Email(entry, "digest", to, context, paths)


def register() -> None:
    """Register the handler; called once, when the apps are ready."""
    delivery.register(kinds.DIGEST, DigestHandler())
