"""Offers a freed slot to one person of the waiting list after the other, while it is held for them (P6).

Each decision is one transaction under the lock of the agenda and then the lock of the list. The transaction that
frees a slot holds it again. Each offer writes outbox entries: its message, then its expiry. When a worker stops,
these entries are still in the outbox, and the sweep of the outbox finds them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings as options
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from booking.messages.appointment_messages import (
    MessageChannel,
    Recipient,
    choose_channel,
)
from booking.models import Appointment, Offer, Practice, WaitingEntry
from booking.patients import contacts
from booking.rules import kinds
from booking.rules.erasure import last_start, out_of_quiet_hours
from booking.rules.errors import SlotTaken
from booking.scheduling.catalogue import current_practice
from booking.scheduling.locks import (
    delete_expired_holds,
    is_taken,
    lock_names,
    lock_practitioners,
)
from booking.scheduling.opening_rules import why_closed
from booking.scheduling.slots import (
    ResolvedSlot,
    SlotSelection,
    insert_occupying,
    resolve,
)
from booking.waiting_list import waiting_contacts
from tenants.audit import services as audit
from tenants.keyring import services as keyring
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, cancel_pending, is_limited, subject_of, write
from tenants.refs import new_ref

LIST = "waiting"
"""The name of the advisory lock of the list; always taken after the agendas."""
LEAD = timedelta(hours=1)
"""An offer expires at least this long before the start of the slot, so that the person can still come."""
GRACE = timedelta(minutes=30)
"""The slot stays held for this long after its offer expires: the worker that passes it on may be late."""
LINK = "waiting.offer"
_NOON = 12


@dataclass(frozen=True)
class Window:
    """The instants between which an offer can be accepted; it opens outside the quiet hours."""

    opens_at: datetime
    expires_at: datetime


def offer_freed(*, resolved: ResolvedSlot, left_by: int, now: datetime) -> Offer | None:
    """Hold a slot that this transaction has freed and offer it; None when the list has no entry for it.

    Call it under the lock of the agenda, after all other changes. A slot outside the opening rules is not offered:
    staff gave it by hand, or the practitioner is absent. Neither is a slot that another appointment overlaps. The
    entry of the appointment ``left_by`` (its key), which has just left the slot, is skipped.
    """
    waits = WaitingEntry.objects.filter(
        appointment_type=resolved.appointment_type, location=resolved.location
    )
    if not waits.exists():
        return None
    settings = current_practice()
    until = window(resolved, settings=settings, now=now)
    if until is None or not _is_open(resolved):
        return None
    lock_names([LIST])
    entry = next_person(resolved, left_by=left_by, settings=settings, now=now)
    if entry is None or _is_occupied(resolved, now=now):
        return None
    try:
        hold = _occupy(resolved, now=now)
    except SlotTaken:
        return None
    return _offer(hold, entry, until=until, actor=audit.SYSTEM, now=now)


def offer_by_hand(
    *, entry: WaitingEntry, selection: SlotSelection, actor: str, now: datetime
) -> Offer | None:
    """Hold a free slot and offer it to the person of an entry, regardless of the order of the list.

    None when the slot is too near, was offered to this entry before, or another offer to it is open. Raises
    SlotTaken when the time is not free.
    """
    resolved = resolve(selection, online=False)
    _refuse_taken(resolved, now=now)
    settings = current_practice()
    lock_practitioners([selection.practitioner_id])
    lock_names([LIST])
    fresh = _without_open_offer(WaitingEntry.objects.filter(pk=entry.pk), resolved).first()
    until = window(resolved, settings=settings, now=now)
    if fresh is None or until is None or fresh.erase_at <= until.expires_at:
        return None
    # No page shows a slot after the last bookable day, but a crafted form may contain one (B-22).
    if resolved.starts_at > last_start(booked_at=now, retention_days=settings.retention_days):
        return None
    # Checked again under the lock: the exclusion constraint ignores overbooked rows.
    _refuse_taken(resolved, now=now)
    hold = _occupy(resolved, now=now)
    return _offer(hold, fresh, until=until, actor=actor, now=now)


def end(
    *, offer: Offer, state: Offer.OfferState, actor: str, passes_on: bool = True, now: datetime
) -> bool:
    """End an open offer and hold its slot for the next person, or free it; False when it has ended already."""
    lock_practitioners([offer.practitioner_id])
    lock_names([LIST])
    fresh = open_offer(offer.pk)
    if fresh is None:
        return False
    close(fresh, state=state, actor=actor, now=now)
    pass_on(fresh, passes_on=passes_on, now=now)
    return True


def expire(*, offer: Offer, now: datetime) -> bool:
    """Expire an offer after ``expires_at``; False when it has ended, is not due, or its message was not sent."""
    lock_practitioners([offer.practitioner_id])
    lock_names([LIST])
    fresh = open_offer(offer.pk)
    if fresh is None or fresh.notified_at is None or now < fresh.expires_at:
        return False
    close(fresh, state=Offer.OfferState.EXPIRED, actor=audit.SYSTEM, now=now)
    pass_on(fresh, now=now)
    return True


def close(offer: Offer, *, state: Offer.OfferState, actor: str, now: datetime) -> None:
    """Set the end state of an open offer and cancel its outbox entries; the caller decides about the slot."""
    offer.state, offer.ended_at = state, now
    offer.save(update_fields=["state", "ended_at"])
    cancel_pending(subject_ids=[offer.pk], kinds=kinds.OF_AN_OFFER, reason=state.value, now=now)
    audit.record(verb=f"offer.{state.value}", ref=offer.ref, actor=actor, now=now)


def pass_on(offer: Offer, *, passes_on: bool = True, now: datetime) -> Offer | None:
    """Offer the slot of an ended offer to the next person; delete the hold when the list has no entry for it."""
    hold = offer.appointment
    if hold is None or hold.status != Appointment.Status.HELD:
        return None  # another booking has deleted the expired hold
    resolved = ResolvedSlot(hold.practitioner, hold.location, hold.appointment_type, hold.starts_at)
    settings = current_practice()
    entry = until = None
    if passes_on and not _is_occupied(resolved, hold=hold.pk, now=now):
        until = window(resolved, settings=settings, now=now)
    if until is not None and _is_open(resolved):
        entry = next_person(resolved, settings=settings, now=now)
    if entry is None or until is None:
        audit.record(verb="offer.given_up", ref=hold.ref, actor=audit.SYSTEM, now=now)
        hold.delete()
        return None
    return _offer(hold, entry, until=until, actor=audit.SYSTEM, now=now)


def mark_notified(*, offer: Offer, now: datetime) -> bool:
    """Set ``notified_at`` of an open offer and start its time; return whether its message may be sent now.

    The time counts from the sending, so a late message does not shorten it. When the message would come too late,
    the offer is withdrawn and passed on; in the quiet hours the message is written again for the morning.
    """
    lock_practitioners([offer.practitioner_id])
    lock_names([LIST])
    fresh = open_offer(offer.pk)
    if fresh is None:
        return False
    if fresh.notified_at is not None:
        return now < fresh.expires_at
    hold = fresh.appointment
    settings = current_practice()
    until = None
    if hold is not None and hold.status == Appointment.Status.HELD:
        resolved = ResolvedSlot(
            hold.practitioner, hold.location, hold.appointment_type, hold.starts_at
        )
        until = window(resolved, settings=settings, now=now) if _is_open(resolved) else None
    if hold is None or until is None:
        close(fresh, state=Offer.OfferState.WITHDRAWN, actor=audit.SYSTEM, now=now)
        pass_on(fresh, now=now)
        return False
    is_quiet = until.opens_at > now
    fresh.notified_at = None if is_quiet else now
    fresh.opens_at, fresh.expires_at = until.opens_at, until.expires_at
    fresh.save(update_fields=["notified_at", "opens_at", "expires_at"])
    _extend_hold(hold, until)
    subject = subject_of(fresh)
    follows = (
        Due(
            kinds.OFFER,
            subject,
            NO_PAYLOAD,
            until.opens_at,
            repeat=until.opens_at.isoformat(),
            recipient=_recipient_of(fresh.entry),
        )
        if is_quiet
        else Due(kinds.OFFER_EXPIRY, subject, NO_PAYLOAD, until.expires_at)
    )
    write(due=[follows], now=now)
    return not is_quiet


def open_offer(key: int) -> Offer | None:
    """Read an offer with its rows; None when it is not open. Call it under the lock of the list."""
    return _with_rows().filter(pk=key, state=Offer.OfferState.OFFERED).first()


def read_offer(key: int) -> Offer | None:
    """Return an offer with its rows, open or ended, or None."""
    return _with_rows().filter(pk=key).first()


def link_of(offer: Offer) -> str:
    """Return the token of the link with which a person answers an offer."""
    return keyring.link_token(purpose=LINK, ref=offer.ref, generation=0)


def find_offer(token: str) -> Offer | None:
    """Return the offer of a link token, open or ended, or None."""
    return _with_rows().filter(link_hash=keyring.token_hash(token)).first()


def window(resolved: ResolvedSlot, *, settings: Practice, now: datetime) -> Window | None:
    """Return the window of an offer made now; None when the practice has no list or the slot is too near."""
    if not settings.waiting_minutes:
        return None
    opens_at = out_of_quiet_hours(now, zone=ZoneInfo(resolved.location.time_zone))
    expires_at = opens_at + timedelta(minutes=settings.waiting_minutes)
    return Window(opens_at, expires_at) if expires_at + LEAD <= resolved.starts_at else None


def next_person(
    resolved: ResolvedSlot, *, left_by: int = 0, settings: Practice, now: datetime
) -> WaitingEntry | None:
    """Return the first entry of the list that the slot suits and that has a channel for messages, or None."""
    until = window(resolved, settings=settings, now=now)
    if until is None:
        return None
    zone = ZoneInfo(resolved.location.time_zone)
    local = resolved.starts_at.astimezone(zone)
    is_morning = local.hour < _NOON
    half = WaitingEntry.Half.MORNING if is_morning else WaitingEntry.Half.AFTERNOON
    suited = (
        WaitingEntry.objects.annotate(on_day=F("weekdays").bitand(1 << local.weekday()))
        .filter(
            Q(practitioner=None) | Q(practitioner=resolved.practitioner),
            appointment_type=resolved.appointment_type,
            location=resolved.location,
            on_day__gt=0,
            half__in=(WaitingEntry.Half.ANY, half),
            erase_at__gt=until.expires_at,
        )
        .exclude(appointment=left_by)
    )  # no row has the key 0
    sms_enabled = settings.sms_enabled and bool(options.SMS_GATEWAY)
    if not sms_enabled:
        suited = suited.filter(email_index__isnull=False)
    for entry in (
        _without_open_offer(suited, resolved).order_by("position", "pk").iterator(chunk_size=50)
    ):
        if _gives_back_later(entry, resolved, until=until.expires_at) and _is_reached(
            entry, settings=settings
        ):
            return entry
    return None


def _with_rows() -> QuerySet[Offer]:
    return Offer.objects.select_related(
        "entry__data_key",
        "entry__appointment__appointment_type",
        "appointment__practitioner",
        "appointment__location",
        "appointment__appointment_type",
    )


def _without_open_offer(
    entries: QuerySet[WaitingEntry], resolved: ResolvedSlot
) -> QuerySet[WaitingEntry]:
    """Return the entries without an open offer, to which this slot was never offered."""
    busy = Offer.objects.filter(entry=OuterRef("pk"), state=Offer.OfferState.OFFERED)
    known = Offer.objects.filter(
        entry_ref=OuterRef("ref"),
        practitioner=resolved.practitioner,
        starts_at=resolved.starts_at,
    )
    return entries.filter(~Exists(busy), ~Exists(known)).select_related(
        "data_key", "appointment__appointment_type"
    )


def _gives_back_later(entry: WaitingEntry, resolved: ResolvedSlot, *, until: datetime) -> bool:
    """Return whether the slot is earlier than the entry's appointment, which can be cancelled until then."""
    tied = entry.appointment
    if tied is None:
        return True
    if tied.status != Appointment.Status.BOOKED or tied.starts_at <= resolved.starts_at:
        return False
    return until < tied.starts_at - timedelta(hours=tied.appointment_type.cancel_hours or 0)


def _is_reached(entry: WaitingEntry, *, settings: Practice) -> bool:
    person = waiting_contacts.open_entry(entry)
    if person is None:
        return False
    recipient = Recipient(email=person.email, phone=person.phone)
    return choose_channel(recipient, sms_enabled=settings.sms_enabled) is not MessageChannel.NONE


def _is_open(resolved: ResolvedSlot) -> bool:
    if not (resolved.practitioner.is_active and resolved.location.is_active):
        return False
    closed = why_closed(
        practitioner=resolved.practitioner,
        location=resolved.location,
        appointment_type=resolved.appointment_type,
        starts_at=resolved.starts_at,
        ends_at=resolved.ends_at,
    )
    return closed is None and resolved.appointment_type.is_active


def _is_occupied(resolved: ResolvedSlot, *, hold: int | None = None, now: datetime) -> bool:
    """Return whether a row other than ``hold`` occupies the time, including overbooked rows."""
    start, end_ = resolved.occupied
    return is_taken(
        practitioner_id=resolved.practitioner.pk,
        starts_at=start,
        ends_at=end_,
        now=now,
        ignore=hold,
    )


def _refuse_taken(resolved: ResolvedSlot, *, now: datetime) -> None:
    if _is_occupied(resolved, now=now):
        raise SlotTaken


def _occupy(resolved: ResolvedSlot, *, now: datetime) -> Appointment:
    start, end_ = resolved.occupied
    delete_expired_holds(
        practitioner_id=resolved.practitioner.pk, starts_at=start, ends_at=end_, now=now
    )
    return insert_occupying(
        Appointment(
            practitioner=resolved.practitioner,
            location=resolved.location,
            appointment_type=resolved.appointment_type,
            status=Appointment.Status.HELD,
            starts_at=resolved.starts_at,
            ends_at=resolved.ends_at,
            during=resolved.during,
            held_until=now + GRACE,
        )
    )


def _recipient_of(entry: WaitingEntry | None) -> str:
    if entry is None:
        return ""
    return contacts.recipient_of(email=entry.email_index, phone=entry.phone_index)


def _extend_hold(hold: Appointment, until: Window) -> None:
    """Set the end of the hold: ``GRACE`` after the offer, at the latest the start of the slot."""
    hold.held_until = min(until.expires_at + GRACE, hold.starts_at)
    hold.save(update_fields=["held_until"])


def _offer(
    hold: Appointment, entry: WaitingEntry, *, until: Window, actor: str, now: datetime
) -> Offer | None:
    """Offer a held slot; None, and the slot is free, when the message would be one too many."""
    ref = new_ref()
    token = keyring.link_token(purpose=LINK, ref=ref, generation=0)
    offer = Offer.objects.create(
        ref=ref,
        entry=entry,
        entry_ref=entry.ref,
        appointment=hold,
        practitioner=hold.practitioner,
        starts_at=hold.starts_at,
        link_hash=keyring.token_hash(token),
        offered_at=now,
        opens_at=until.opens_at,
        expires_at=until.expires_at,
    )
    _extend_hold(hold, until)
    # The expiry is written when the message is sent: an offer cannot expire before the person is notified.
    message = Due(
        kinds.OFFER,
        subject_of(offer),
        NO_PAYLOAD,
        until.opens_at,
        recipient=_recipient_of(entry),
    )
    if is_limited(write(due=[message], now=now)):
        close(offer, state=Offer.OfferState.WITHDRAWN, actor=audit.SYSTEM, now=now)
        hold.delete()
        return None
    audit.record(verb="offer.made", ref=offer.ref, actor=actor, now=now)
    return offer
