"""The ledger of messages about appointments, and sending one again."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from booking import erasure, kinds
from booking.errors import BookingError
from booking.models import Appointment
from booking.services.locks import lock_practitioners
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.trail import services as trail

KINDS = (*kinds.TO_PATIENT, kinds.CONTACT_CORRECTED, *kinds.TO_PRACTITIONER)
LATE = ("late", "quiet_hours")
"""Why a message was dropped that somebody was waiting for."""

_State = OutboxEntry.State
STATES = {
    "a-venir": Q(state=_State.PENDING),
    "remis": Q(state=_State.SENT),
    "non-remis": Q(state__in=(_State.FAILED, _State.NO_CHANNEL))
    | Q(state=_State.DROPPED, reason__in=LATE),
    "sans-suite": Q(state=_State.DROPPED) & ~Q(reason__in=LATE),
}
"""The four ends that a practice tells apart, by their word in the address."""


class CannotResend(BookingError):
    """Sending it again would say something wrong, or say it twice."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for in the ledger; nothing: everything."""

    state: str = ""
    kind: str = ""
    from_at: datetime | None = None
    until_at: datetime | None = None


def letters(*, practitioner_ids: Collection[int], wanted: Wanted) -> QuerySet[OutboxEntry]:
    """Return the messages about the appointments of these agendas, the latest first."""
    mine = Appointment.objects.filter(practitioner__in=practitioner_ids).values("pk")
    found = OutboxEntry.objects.filter(kind__in=KINDS, object_id__in=mine)
    if wanted.state:
        found = found.filter(STATES[wanted.state])
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    if wanted.from_at:
        found = found.filter(due_at__gte=wanted.from_at)
    if wanted.until_at:
        found = found.filter(due_at__lt=wanted.until_at)
    return found.order_by("-due_at", "-id")


def appointments_of(entries: Iterable[OutboxEntry]) -> dict[int, Appointment]:
    """Return the appointments that these messages are about, by key; one query."""
    ids = {entry.object_id or 0 for entry in entries}
    return {
        held.pk: held
        for held in Appointment.objects.select_related(
            "practitioner", "location", "contact"
        ).filter(pk__in=ids)
    }


def waiting(entries: Iterable[OutboxEntry]) -> set[tuple[int, str]]:
    """Return the (appointment, kind) of these for which a message is still to leave; one query."""
    ids = {entry.object_id for entry in entries}
    pending = OutboxEntry.objects.filter(object_id__in=ids, state=_State.PENDING, kind__in=KINDS)
    return {(object_id or 0, kind) for object_id, kind in pending.values_list("object_id", "kind")}


def can_resend(
    entry: OutboxEntry, appointment: Appointment, *, is_waiting: bool, now: datetime
) -> bool:
    """Return whether sending it again makes sense: still true, somebody to write to, not twice."""
    if entry.state == _State.PENDING or is_waiting or entry.kind not in kinds.BEFORE_THE_VISIT:
        return False
    if entry.state == _State.DROPPED and entry.reason not in LATE:
        return False
    if entry.version != appointment.sequence or not hasattr(appointment, "contact"):
        return False
    if appointment.contact.erasure_asked_at is not None:
        return False
    if appointment.status != Appointment.Status.BOOKED or appointment.starts_at <= now:
        return False
    return entry.kind != kinds.REMINDER or _is_eve(appointment, now=now)


def _is_eve(appointment: Appointment, *, now: datetime) -> bool:
    """Whether a reminder may leave now: it says "tomorrow", and nothing leaves in the quiet hours."""
    zone = ZoneInfo(appointment.location.time_zone)
    local = now.astimezone(zone)
    is_eve = appointment.starts_at.astimezone(zone).date() == local.date() + timedelta(days=1)
    minute = local.hour * 60 + local.minute
    return (
        appointment.has_reminder and is_eve and erasure.QUIET_UNTIL <= minute < erasure.QUIET_FROM
    )


def resend(*, entry: OutboxEntry, appointment: Appointment, actor: str, now: datetime) -> None:
    """Send a message again as an entry of its own: the first keeps its end. Raises CannotResend."""
    lock_practitioners([appointment.practitioner_id])
    is_waiting = (appointment.pk, entry.kind) in waiting([entry])
    if not can_resend(entry, appointment, is_waiting=is_waiting, now=now):
        raise CannotResend
    same = OutboxEntry.objects.filter(
        kind=entry.kind, object_id=entry.object_id, version=entry.version
    )
    first = entry.audience.partition("#")[0]
    again = Due(
        entry.kind,
        entry.object_id,
        due_at=now,
        version=entry.version,
        audience=f"{first}#{same.count()}",
        expires_at=appointment.starts_at if entry.kind == kinds.REMINDER else None,
    )
    write(due=[again], now=now)
    trail.record(verb="message.resent", ref=appointment.ref, actor=actor, now=now)
