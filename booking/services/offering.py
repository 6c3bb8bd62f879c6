"""A freed slot is held for one person of the waiting list, then for the next, until nobody is left (P6).

Everything that decides happens in one transaction, under the lock of the agenda and then that of the
list: the slot is held in the transaction that frees it, and each offer writes in the outbox the mail
that tells it and the instant that ends it. A worker that dies leaves rows that the sweep finds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings as options
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from booking import erasure, kinds
from booking.erasure import last_start
from booking.errors import SlotTaken
from booking.messages import Channel, Recipient, choose_channel
from booking.models import Appointment, Offer, Practice, WaitingEntry
from booking.services import deadlines, waiting_contacts
from booking.services.choice import Choice, Placed, place
from booking.services.holds import insert_occupying
from booking.services.hours import why_closed
from booking.services.locks import drop_expired_holds, is_taken, lock_names, lock_practitioners
from tenants.keyring import services as keyring
from tenants.outbox.services import Due, settle_pending, write
from tenants.refs import new_ref
from tenants.trail import services as trail

LIST = "waiting"
"""The name under which a practice's list is locked: always after the agendas."""
LEAD = timedelta(hours=1)
"""An offer ends at least so long before the slot: somebody must still come."""
GRACE = timedelta(minutes=30)
"""How much longer than its offer a slot stays held: the worker that passes it on may be late."""
LINK = "waiting.offer"
_NOON = 12


@dataclass(frozen=True)
class Window:
    """From when to when an offer stands: it opens outside the quiet hours."""

    opens_at: datetime
    expires_at: datetime


def offer_freed(*, placed: Placed, left_by: int, now: datetime) -> Offer | None:
    """Hold a slot that this transaction has freed and offer it; None when nobody waits for it.

    Call it under the lock of the agenda, last of all that changes it. A slot that lies outside the
    opening rules is not offered: it was given by hand, or the practitioner is away. Nor is one over which
    another appointment stands, nor to the person of the appointment ``left_by`` who has just left it.
    """
    waits = WaitingEntry.objects.filter(
        appointment_type=placed.appointment_type, location=placed.location
    )
    if not waits.exists():
        return None
    settings = deadlines.practice()
    if window(placed, settings=settings, now=now) is None or not _is_open(placed):
        return None
    lock_names([LIST])
    entry = next_person(placed, left_by=left_by, settings=settings, now=now)
    if entry is None or _is_under(placed, now=now):
        return None
    try:
        hold = _occupy(placed, now=now)
    except SlotTaken:
        return None
    return _offer(hold, entry, settings=settings, actor=trail.SYSTEM, now=now)


def offer_by_hand(
    *, entry: WaitingEntry, choice: Choice, actor: str, now: datetime
) -> Offer | None:
    """Hold a free slot and offer it to this person, whatever the order of the list.

    None when it cannot be: too near, already offered to them, or another offer of theirs is open.
    Raises SlotTaken when the time is not free.
    """
    placed = place(choice, online=False)
    _refuse_taken(placed, now=now)
    settings = deadlines.practice()
    lock_practitioners([choice.practitioner_id])
    lock_names([LIST])
    fresh = _those_free(WaitingEntry.objects.filter(pk=entry.pk), placed).first()
    until = window(placed, settings=settings, now=now)
    if fresh is None or until is None or fresh.erase_at <= until.expires_at:
        return None
    # No page shows a slot after the last day of the promise, but a form may name one (B-22).
    if placed.starts_at > last_start(booked_at=now, retention_days=settings.retention_days):
        return None
    # Again, under the lock: what stands over others by hand keeps nobody else out of the table.
    _refuse_taken(placed, now=now)
    hold = _occupy(placed, now=now)
    return _offer(hold, fresh, settings=settings, actor=actor, now=now)


def end(
    *, offer: Offer, state: Offer.State, actor: str, passes_on: bool = True, now: datetime
) -> bool:
    """End an open offer and hold its slot for the next person, or free it; False when it had ended."""
    lock_practitioners([offer.practitioner_id])
    lock_names([LIST])
    fresh = open_offer(offer.pk)
    if fresh is None:
        return False
    close(fresh, state=state, actor=actor, now=now)
    pass_on(fresh, passes_on=passes_on, now=now)
    return True


def expire(*, offer: Offer, now: datetime) -> bool:
    """End an offer whose time is over; False when it had ended, has time, or was never told."""
    lock_practitioners([offer.practitioner_id])
    lock_names([LIST])
    fresh = open_offer(offer.pk)
    if fresh is None or fresh.told_at is None or now < fresh.expires_at:
        return False
    close(fresh, state=Offer.State.EXPIRED, actor=trail.SYSTEM, now=now)
    pass_on(fresh, now=now)
    return True


def close(offer: Offer, *, state: Offer.State, actor: str, now: datetime) -> None:
    """Give an open offer its end; what becomes of the slot is the caller's."""
    offer.state, offer.ended_at = state, now
    offer.save(update_fields=["state", "ended_at"])
    settle_pending(object_id=offer.pk, kinds=kinds.OF_AN_OFFER, reason=state.value, now=now)
    trail.record(verb=f"offer.{state.value}", ref=offer.ref, actor=actor, now=now)


def pass_on(offer: Offer, *, passes_on: bool = True, now: datetime) -> Offer | None:
    """Hold the slot of an ended offer for the next person; give it up when nobody is left."""
    hold = offer.appointment
    if hold is None or hold.status != Appointment.Status.HELD:
        return None  # somebody else's booking has swept it away
    placed = Placed(hold.practitioner, hold.location, hold.appointment_type, hold.starts_at)
    settings = deadlines.practice()
    entry = None
    is_wanted = passes_on and not _is_under(placed, hold=hold.pk, now=now)
    if is_wanted and window(placed, settings=settings, now=now) and _is_open(placed):
        entry = next_person(placed, settings=settings, now=now)
    if entry is None:
        trail.record(verb="offer.given_up", ref=hold.ref, actor=trail.SYSTEM, now=now)
        hold.delete()
        return None
    return _offer(hold, entry, settings=settings, actor=trail.SYSTEM, now=now)


def tell(*, offer: Offer, now: datetime) -> bool:
    """Note that the offer is told now: its time counts from here. False when it is over.

    A message that leaves late takes nothing from the person's time; one that would leave too late
    ends the offer; one that would leave at night waits for the morning.
    """
    lock_practitioners([offer.practitioner_id])
    lock_names([LIST])
    fresh = open_offer(offer.pk)
    if fresh is None:
        return False
    if fresh.told_at is not None:
        return now < fresh.expires_at
    hold = fresh.appointment
    settings = deadlines.practice()
    until = None
    if hold is not None and hold.status == Appointment.Status.HELD:
        placed = Placed(hold.practitioner, hold.location, hold.appointment_type, hold.starts_at)
        until = window(placed, settings=settings, now=now) if _is_open(placed) else None
    if hold is None or until is None:
        close(fresh, state=Offer.State.WITHDRAWN, actor=trail.SYSTEM, now=now)
        pass_on(fresh, now=now)
        return False
    is_quiet = until.opens_at > now
    fresh.told_at = None if is_quiet else now
    fresh.opens_at, fresh.expires_at = until.opens_at, until.expires_at
    fresh.save(update_fields=["told_at", "opens_at", "expires_at"])
    _keep(hold, until)
    follows = (
        Due(kinds.OFFER, fresh.pk, until.opens_at, audience=until.opens_at.isoformat())
        if is_quiet
        else Due(kinds.OFFER_EXPIRY, fresh.pk, until.expires_at)
    )
    write(due=[follows], now=now)
    return not is_quiet


def open_offer(key: int) -> Offer | None:
    """Return an offer as it is under the lock, if it is still open."""
    return _with_rows().filter(pk=key, state=Offer.State.OFFERED).first()


def offer_as_it_is(key: int) -> Offer | None:
    """Return an offer, open or ended."""
    return _with_rows().filter(pk=key).first()


def link_of(offer: Offer) -> str:
    """Return the token of the link that answers an offer."""
    return keyring.link_token(purpose=LINK, ref=offer.ref, generation=0)


def find_offer(token: str) -> Offer | None:
    """Return the offer of a link, open or ended."""
    return _with_rows().filter(link_hash=keyring.token_hash(token)).first()


def window(placed: Placed, *, settings: Practice, now: datetime) -> Window | None:
    """Return when an offer made now stands, or None: no list, or too near to the slot."""
    if not settings.waiting_minutes:
        return None
    opens_at = out_of_quiet_hours(now, zone=ZoneInfo(placed.location.time_zone))
    expires_at = opens_at + timedelta(minutes=settings.waiting_minutes)
    return Window(opens_at, expires_at) if expires_at + LEAD <= placed.starts_at else None


def out_of_quiet_hours(now: datetime, *, zone: ZoneInfo) -> datetime:
    """Return this instant, or the end of the quiet hours in which it lies (B-40)."""
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    if erasure.QUIET_UNTIL <= minute < erasure.QUIET_FROM:
        return now
    on = local.date() + timedelta(days=1 if minute >= erasure.QUIET_FROM else 0)
    morning = time(erasure.QUIET_UNTIL // 60, erasure.QUIET_UNTIL % 60)
    return datetime.combine(on, morning, tzinfo=zone).astimezone(UTC)


def next_person(
    placed: Placed, *, left_by: int = 0, settings: Practice, now: datetime
) -> WaitingEntry | None:
    """Return the first of the list whom the slot suits and whom a message reaches."""
    until = window(placed, settings=settings, now=now)
    if until is None:
        return None
    zone = ZoneInfo(placed.location.time_zone)
    local = placed.starts_at.astimezone(zone)
    is_morning = local.hour < _NOON
    half = WaitingEntry.Half.MORNING if is_morning else WaitingEntry.Half.AFTERNOON
    suited = (
        WaitingEntry.objects.annotate(on_day=F("weekdays").bitand(1 << local.weekday()))
        .filter(
            Q(practitioner=None) | Q(practitioner=placed.practitioner),
            appointment_type=placed.appointment_type,
            location=placed.location,
            on_day__gt=0,
            half__in=(WaitingEntry.Half.ANY, half),
            erase_at__gt=until.expires_at,
        )
        .exclude(appointment=left_by)
    )  # no row has the key 0
    sms_enabled = settings.sms_enabled and bool(options.SMS_GATEWAY)
    if not sms_enabled:
        suited = suited.filter(email_index__isnull=False)
    for entry in _those_free(suited, placed).order_by("position", "pk").iterator(chunk_size=50):
        if _gives_back_later(entry, placed, until=until.expires_at) and _is_reached(
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


def _those_free(entries: QuerySet[WaitingEntry], placed: Placed) -> QuerySet[WaitingEntry]:
    """Those to whom nothing is being offered, and to whom this slot never was."""
    busy = Offer.objects.filter(entry=OuterRef("pk"), state=Offer.State.OFFERED)
    known = Offer.objects.filter(
        entry_ref=OuterRef("ref"),
        practitioner=placed.practitioner,
        starts_at=placed.starts_at,
    )
    return entries.filter(~Exists(busy), ~Exists(known)).select_related(
        "data_key", "appointment__appointment_type"
    )


def _gives_back_later(entry: WaitingEntry, placed: Placed, *, until: datetime) -> bool:
    """Whether the slot is earlier than the appointment given back, which can still be given back."""
    tied = entry.appointment
    if tied is None:
        return True
    if tied.status != Appointment.Status.BOOKED or tied.starts_at <= placed.starts_at:
        return False
    return until < tied.starts_at - timedelta(hours=tied.appointment_type.cancel_hours or 0)


def _is_reached(entry: WaitingEntry, *, settings: Practice) -> bool:
    person = waiting_contacts.open_entry(entry)
    if person is None:
        return False
    recipient = Recipient(email=person.email, phone=person.phone)
    return choose_channel(recipient, sms_enabled=settings.sms_enabled) is not Channel.NONE


def _is_open(placed: Placed) -> bool:
    if not (placed.practitioner.is_active and placed.location.is_active):
        return False
    closed = why_closed(
        practitioner=placed.practitioner,
        location=placed.location,
        starts_at=placed.starts_at,
        ends_at=placed.ends_at,
    )
    return closed is None and placed.appointment_type.is_active


def _is_under(placed: Placed, *, hold: int | None = None, now: datetime) -> bool:
    """Whether something stands there that the constraint does not know: a row taken over another."""
    start, end_ = placed.occupied
    return is_taken(
        practitioner_id=placed.practitioner.pk, starts_at=start, ends_at=end_, now=now, ignore=hold
    )


def _refuse_taken(placed: Placed, *, now: datetime) -> None:
    if _is_under(placed, now=now):
        raise SlotTaken


def _occupy(placed: Placed, *, now: datetime) -> Appointment:
    start, end_ = placed.occupied
    drop_expired_holds(
        practitioner_id=placed.practitioner.pk, starts_at=start, ends_at=end_, now=now
    )
    return insert_occupying(
        Appointment(
            practitioner=placed.practitioner,
            location=placed.location,
            appointment_type=placed.appointment_type,
            status=Appointment.Status.HELD,
            starts_at=placed.starts_at,
            ends_at=placed.ends_at,
            during=placed.during,
            held_until=now + GRACE,
        )
    )


def _keep(hold: Appointment, until: Window) -> None:
    """Keep the slot from the public for as long as the offer stands, and a little longer."""
    hold.held_until = min(until.expires_at + GRACE, hold.starts_at)
    hold.save(update_fields=["held_until"])


def _offer(
    hold: Appointment, entry: WaitingEntry, *, settings: Practice, actor: str, now: datetime
) -> Offer:
    placed = Placed(hold.practitioner, hold.location, hold.appointment_type, hold.starts_at)
    until = window(placed, settings=settings, now=now)
    assert until is not None  # noqa: S101  # every caller has asked
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
    _keep(hold, until)
    # Its end is written when it is told: nobody loses a turn of which they knew nothing.
    write(due=[Due(kinds.OFFER, offer.pk, until.opens_at)], now=now)
    trail.record(verb="offer.made", ref=offer.ref, actor=actor, now=now)
    return offer
