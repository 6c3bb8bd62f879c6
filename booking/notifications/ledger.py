"""Reads the ledger of messages about appointments and the waiting list, and sends a message again."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Q, QuerySet, SmallIntegerField, When

from booking.messages.outcomes import POINTLESS_REASONS, Tone, outcome_of
from booking.models import Appointment, Offer, WaitingEntry
from booking.patients import contacts
from booking.rules import kinds
from booking.rules.erasure import is_quiet
from booking.rules.errors import BookingError
from booking.scheduling.locks import lock_practitioners
from booking.waiting_list.queries import entries_for
from tenants.audit import services as audit
from tenants.outbox.kinds import OutboxKind
from tenants.outbox.message_limits import LIMITED
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, subject_of, write

_State = OutboxEntry.EntryState
STATES = {
    "a-venir": Q(state=_State.PENDING),
    "remis": Q(state=_State.SENT),
    "non-remis": Q(state__in=(_State.FAILED, _State.NO_CHANNEL))
    | Q(state=_State.NOT_SENT) & ~Q(reason__in=POINTLESS_REASONS),
    "sans-suite": Q(state=_State.NOT_SENT, reason__in=POINTLESS_REASONS),
}
"""The filters by state, keyed by their word in the address of the page."""


class CannotResend(BookingError):
    """The message is outdated, or another one of its kind is pending."""


@dataclass(frozen=True)
class LedgerFilter:
    """The filters of the ledger; an empty one filters nothing. Instants are [from_at, until_at)."""

    state: str = ""
    kind: str = ""
    from_at: datetime | None = None
    until_at: datetime | None = None


@dataclass(frozen=True)
class LedgerReach:
    """What a member may read: the agendas, and those of which the waiting list is theirs too."""

    practitioner_ids: Collection[int]
    waiting_for_ids: Collection[int]


def messages(*, reach: LedgerReach, filters: LedgerFilter) -> QuerySet[OutboxEntry]:
    """Return the messages about these agendas and their waiting list, the latest first."""
    found = _within(reach)
    if filters.state:
        found = found.filter(STATES[filters.state])
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.from_at:
        found = found.filter(due_at__gte=filters.from_at)
    if filters.until_at:
        found = found.filter(due_at__lt=filters.until_at)
    return found.order_by("-due_at", "-id")


def undelivered_then_today(
    *, reach: LedgerReach, since: datetime, today: tuple[datetime, datetime]
) -> QuerySet[OutboxEntry]:
    """Return the messages that were not delivered since an instant, then the others of today, [from, until)."""
    is_missed = STATES["non-remis"] & Q(due_at__gte=since)
    is_of_today = Q(due_at__gte=today[0], due_at__lt=today[1])
    return (
        _within(reach)
        .filter(is_missed | is_of_today)
        .annotate(rank=Case(When(is_missed, then=0), default=1, output_field=SmallIntegerField()))
        .order_by("rank", "-due_at", "-id")
    )


def _within(reach: LedgerReach) -> QuerySet[OutboxEntry]:
    mine = Appointment.objects.filter(practitioner__in=reach.practitioner_ids).values("pk")
    entries = entries_for(reach.waiting_for_ids).order_by().values("pk")
    offered = Offer.objects.filter(practitioner__in=reach.waiting_for_ids).values("pk")
    return OutboxEntry.objects.filter(
        Q(kind__in=kinds.APPOINTMENT_MESSAGES, subject_id__in=mine)
        | Q(kind__in=kinds.OF_AN_ENTRY, subject_id__in=entries)
        | Q(kind__in=kinds.OF_AN_OFFER, subject_id__in=offered)
    )


def messages_of(appointment: Appointment) -> QuerySet[OutboxEntry]:
    """Return the messages about an appointment in the order in which they are due."""
    entries = OutboxEntry.objects.filter(
        subject_id=appointment.pk, kind__in=kinds.APPOINTMENT_MESSAGES
    )
    return entries.order_by("due_at", "id")


def was_held_back(appointment: Appointment, of_kinds: Collection[OutboxKind[Any]]) -> bool:
    """Return whether the latest message of these kinds is not sent because too many have left; one query."""
    entries = OutboxEntry.objects.filter(subject_id=appointment.pk, kind__in=of_kinds)
    return entries.order_by("-pk").values_list("reason", flat=True).first() == LIMITED


def appointment_of(entry: OutboxEntry) -> Appointment | None:
    """Return the appointment that a message is about, or None once it is deleted."""
    return Appointment.objects.filter(pk=entry.subject_id).first()


def appointments_of(entries: Iterable[OutboxEntry]) -> dict[int, Appointment]:
    """Return the appointments that these messages are about, by key; one query."""
    ids = {entry.subject_id for entry in entries if entry.kind in kinds.APPOINTMENT_MESSAGES}
    return {
        appointment.pk: appointment
        for appointment in Appointment.objects.select_related(
            "practitioner", "location", "contact__data_key"
        ).filter(pk__in=ids)
    }


def offers_of(entries: Iterable[OutboxEntry]) -> dict[int, Offer]:
    """Return the offers that these messages are about, by key; one query."""
    ids = {entry.subject_id for entry in entries if entry.kind in kinds.OF_AN_OFFER}
    rows = Offer.objects.select_related("practitioner", "entry__data_key", "entry__location")
    return {offer.pk: offer for offer in rows.filter(pk__in=ids)}


def waiting_entries_of(entries: Iterable[OutboxEntry]) -> dict[int, WaitingEntry]:
    """Return the waiting entries that these messages are about, by key; one query."""
    ids = {entry.subject_id for entry in entries if entry.kind in kinds.OF_AN_ENTRY}
    rows = WaitingEntry.objects.select_related("practitioner", "data_key")
    return {entry.pk: entry for entry in rows.filter(pk__in=ids)}


def waiting(entries: Iterable[OutboxEntry]) -> set[tuple[int, str]]:
    """Return the (key of the appointment, kind) pairs of these entries with a pending message; one query."""
    ids = {entry.subject_id for entry in entries}
    pending = OutboxEntry.objects.filter(
        subject_id__in=ids, state=_State.PENDING, kind__in=kinds.APPOINTMENT_MESSAGES
    )
    return set(pending.values_list("subject_id", "kind"))


def can_resend(
    entry: OutboxEntry, appointment: Appointment, *, is_waiting: bool, now: datetime
) -> bool:
    """Return whether a message may be sent again: it is current, has a recipient, and no other one is pending."""
    if entry.state == _State.PENDING or is_waiting or entry.kind not in kinds.BEFORE_THE_VISIT:
        return False
    is_pointless = outcome_of(entry).tone is Tone.POINTLESS
    if is_pointless or kinds.sequence_of(entry.kind, entry.payload) != appointment.sequence:
        return False
    if not hasattr(appointment, "contact"):
        return False
    if appointment.contact.erasure_requested_at is not None:
        return False
    if appointment.status != Appointment.Status.BOOKED or appointment.starts_at <= now:
        return False
    return entry.kind != kinds.REMINDER or _is_eve(appointment, now=now)


def _is_eve(appointment: Appointment, *, now: datetime) -> bool:
    """Return whether a reminder may leave now: the day before, as it says "tomorrow", outside the quiet hours."""
    zone = ZoneInfo(appointment.location.time_zone)
    local = now.astimezone(zone)
    is_eve = appointment.starts_at.astimezone(zone).date() == local.date() + timedelta(days=1)
    return appointment.has_reminder and is_eve and not is_quiet(now, zone=zone)


def resend(*, entry: OutboxEntry, appointment: Appointment, actor: str, now: datetime) -> None:
    """Write a message again as a new outbox entry; the first keeps its state. Raises CannotResend."""
    lock_practitioners([appointment.practitioner_id])
    is_waiting = (appointment.pk, entry.kind) in waiting([entry])
    if not can_resend(entry, appointment, is_waiting=is_waiting, now=now):
        raise CannotResend
    kind: OutboxKind[Any] = next(known for known in kinds.BEFORE_THE_VISIT if known == entry.kind)
    same = OutboxEntry.objects.filter(
        kind=entry.kind, subject_id=entry.subject_id, payload=entry.payload
    )
    again = Due(
        kind,
        subject_of(appointment),
        kind.read(entry.payload),
        due_at=now,
        repeat=f"again.{same.count()}",
        expires_at=appointment.starts_at if entry.kind == kinds.REMINDER else None,
        recipient=contacts.recipient_of_appointment(appointment),
    )
    write(due=[again], now=now)
    audit.record(verb="message.resent", ref=appointment.ref, actor=actor, now=now)
