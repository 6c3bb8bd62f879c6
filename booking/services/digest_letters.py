"""Delivering the digest of the day: counts and hours for a member of the practice, never a patient."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.urls import reverse

from booking import kinds
from booking.models import Appointment, DigestSubscription, Practitioner
from booking.services.agenda import Row
from booking.services.digests import practice_zone
from booking.services.notices import dropped
from tenants.accounts.models import User
from tenants.accounts.permissions import Operation
from tenants.accounts.services.memberships import access_of
from tenants.outbox import delivery
from tenants.outbox.delivery import Outcome
from tenants.outbox.mailing import Letter, send
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit


@dataclass
class Agenda:
    """What the digest says of one practitioner's day."""

    name: str
    count: int = 0
    first: datetime | None = None
    missed: int = 0


class Digest:
    """The handler of the digest."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Read the day as it is now, for who still wants it and may still see it."""
        user = User.objects.filter(pk=entry.object_id or 0, is_active=True).first()
        if user is None:
            return dropped("gone")
        if not DigestSubscription.objects.filter(user=user).exists():
            return dropped("stopped")
        on, zone = date.fromordinal(entry.version), practice_zone()
        is_over = entry.expires_at is not None and now > entry.expires_at
        if is_over or on != now.astimezone(zone).date():
            return dropped("late")
        agendas = agendas_of(user, on=on, zone=zone)
        if not agendas:
            return dropped("empty")
        return partial(send, _letter(entry, to=user.email, on=on, agendas=agendas), unit)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Nothing follows: the next day is planned by the clock."""


def agendas_of(user: User, *, on: date, zone: ZoneInfo) -> list[Agenda]:
    """Return the agendas that somebody sees and that are not empty that day; no contact is read."""
    everybody = list(Practitioner.objects.filter(is_active=True))
    own = [who.ref for who in everybody if who.user_id == user.pk]
    access = access_of(user=user, own=own, on=on)
    seen = {who.pk: who for who in everybody if access.allows(Operation.SEE_AGENDA, who.ref)}
    starts = datetime.combine(on, time(), tzinfo=zone)
    ends = datetime.combine(on + timedelta(days=1), time(), tzinfo=zone)
    rows = list(
        Appointment.objects.select_related("location")
        .filter(
            practitioner__in=seen,
            status=Appointment.Status.BOOKED,
            starts_at__gte=starts,
            starts_at__lt=ends,
        )
        .order_by("starts_at")
    )
    reminders = {
        (entry.object_id, entry.version): entry
        for entry in OutboxEntry.objects.filter(
            kind=kinds.REMINDER, object_id__in=[row.pk for row in rows]
        ).order_by("id")
    }
    agendas = {key: Agenda(who.name) for key, who in seen.items()}
    for row in rows:
        agenda = agendas[row.practitioner_id]
        agenda.count += 1
        if agenda.first is None:
            agenda.first = row.starts_at.astimezone(ZoneInfo(row.location.time_zone))
        agenda.missed += not Row(row, None, reminders.get((row.pk, row.sequence))).is_reached
    return [agenda for agenda in agendas.values() if agenda.count]


def _letter(entry: OutboxEntry, *, to: str, on: date, agendas: list[Agenda]) -> Letter:
    said = {
        "on": on,
        "agendas": agendas,
        "count": sum(agenda.count for agenda in agendas),
        "missed": sum(agenda.missed for agenda in agendas),
    }
    paths = {
        name: reverse(f"dashboard:{page}", urlconf="config.urls_tenant")
        for name, page in (("link", "today"), ("stop_url", "digest"))
    }
    return Letter(entry, "digest", to, said, paths)


def register() -> None:
    """Make the digest responsible for its kind; called once, when the apps are ready."""
    delivery.register(kinds.DIGEST, Digest())
