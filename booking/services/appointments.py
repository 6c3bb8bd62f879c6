"""Booking, moving, cancelling: each one transaction, its acts in the trail, its messages in the outbox."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from booking import kinds
from booking.erasure import last_start
from booking.errors import (
    AlreadyCancelled,
    BeyondPromise,
    ChangedMeanwhile,
    NotBookable,
    SlotTaken,
    TooLate,
    TooManyBookings,
)
from booking.models import Appointment, Practice
from booking.persons import Person
from booking.services import calendar_entries, contacts, deadlines, offering, waiting
from booking.services.choice import Choice, Placed, choice_of, is_offered, place, placed_of
from booking.services.contacts import Indexes
from booking.services.holds import (
    HOLD_FOR,
    insert_occupying,
    of_form,
    of_form_if_any,
    refused_is_taken,
    release,
)
from booking.services.links import assign_links
from booking.services.locks import (
    drop_expired_holds,
    is_taken,
    lock_names_and_read,
    lock_practitioners,
    stands_over,
)
from tenants.outbox.services import Due, settle_pending, write
from tenants.trail import services as trail

_OPEN_BOOKINGS = """
SELECT count(*) FILTER (WHERE contact.email_index = %(email)s),
    count(*) FILTER (WHERE contact.phone_index = %(phone)s)
FROM booking_patientcontact contact
JOIN booking_appointment appointment ON appointment.id = contact.appointment_id
WHERE (contact.email_index = %(email)s OR contact.phone_index = %(phone)s)
  AND appointment.status = 'booked' AND appointment.starts_at > %(now)s
"""


def book(  # noqa: PLR0913  # what a form says, each by its name
    *,
    choice: Choice,
    form_ref: uuid.UUID,
    person: Person,
    is_open: bool,
    now: datetime,
    settings: Practice | None = None,
    known: Appointment | None = None,
    is_new: bool = False,
) -> Appointment:
    """Turn the form's hold into a booking and return it; a second call with the form returns the same.

    Raises SlotTaken, TooManyBookings (per-patient limit by blind index) or NotBookable. When the hold
    has expired and was taken away, the slot is tried again. ``settings`` and ``known``, the row of the
    form, spare a page that has read them; ``is_new`` says that it has looked and found none.
    """
    if not is_open:
        raise NotBookable
    if known is None and not is_new:
        known = of_form(form_ref)
    if known is not None and known.status != Appointment.Status.HELD:
        return known
    settings = settings or deadlines.practice()
    try:
        placed = _wanted(known, choice, now=now)
        indexes = contacts.indexes_of(person)
        appointment = _take(known, placed, form_ref, indexes=indexes, settings=settings, now=now)
    except (SlotTaken, TooManyBookings) as refusal:
        return _booked_meanwhile(form_ref, otherwise=refusal)
    return _complete(appointment, person, indexes, settings=settings, actor=trail.PATIENT, now=now)


def book_by_staff(
    *,
    choice: Choice,
    form_ref: uuid.UUID,
    person: Person,
    over: bool = False,
    actor: str,
    now: datetime,
) -> Appointment:
    """Book by hand: the rules of opening and notice are the caller's warnings, not walls.

    Two walls stand for staff too: no overlap (SlotTaken) and the promise of B-22 (BeyondPromise).
    ``over`` takes the time though it is taken: the row then says so, as long as it lives.
    """
    known = of_form_if_any(form_ref)
    if known is not None:
        return known
    settings = deadlines.practice()
    placed = place(choice, online=False)
    try:
        if not over:
            _refuse_taken(placed, now=now)
        lock_practitioners([choice.practitioner_id])
        known = of_form_if_any(form_ref)
        if known is not None:
            return known
        _check_promise(placed, settings, booked_at=now)
        appointment = _insert(
            placed, form_ref=form_ref, origin=Appointment.Origin.STAFF, over=over, now=now
        )
    except SlotTaken as refusal:
        return _booked_meanwhile(form_ref, otherwise=refusal)
    indexes = contacts.indexes_of(person)
    return _complete(appointment, person, indexes, settings=settings, actor=actor, now=now)


def book_held(*, held: Appointment, person: Person, actor: str, now: datetime) -> Appointment:
    """Turn the slot that was held for somebody of the waiting list into their booking.

    Call it under the lock of the agenda. Raises SlotTaken when the hold is gone.
    """
    settings = deadlines.practice()
    _confirm(held, now=now)
    indexes = contacts.indexes_of(person)
    return _complete(held, person, indexes, settings=settings, actor=actor, now=now)


def move(  # noqa: PLR0913  # what a form says, each by its name
    *,
    appointment: Appointment,
    choice: Choice,
    by_patient: bool,
    actor: str,
    tell: bool = True,
    over: bool = False,
    sequence: int | None = None,
    now: datetime,
) -> Appointment:
    """Move to another slot: the same row, the same .ics UID, SEQUENCE + 1; ``booked_at`` never moves.

    By hand it keeps its own length as long as its motif stays. Raises SlotTaken, unless ``over``; TooLate
    (patients, rule of the motif); BeyondPromise (B-22, for everybody); AlreadyCancelled;
    ChangedMeanwhile when it is no longer the ``sequence`` that was shown.
    """
    placed = place(choice, online=by_patient)
    if not by_patient and choice.appointment_type_id == appointment.appointment_type_id:
        placed = replace(placed, length=appointment.ends_at - appointment.starts_at)
    if by_patient and not is_offered(placed, now=now, ignore_appointment=appointment.pk):
        raise SlotTaken
    if not over:
        _refuse_taken(placed, now=now, ignore=appointment.pk)
    lock_practitioners([appointment.practitioner_id, choice.practitioner_id])
    appointment = _reload(appointment, sequence)
    if by_patient:
        check_not_too_late(appointment, now=now)
    _check_promise(placed, deadlines.practice(), booked_at=appointment.booked_at or now)
    start, end = placed.occupied
    drop_expired_holds(
        practitioner_id=choice.practitioner_id, starts_at=start, ends_at=end, now=now
    )
    left = placed_of(appointment)
    left_at = left.starts_at
    appointment.is_extra = _stands_over(placed, over=over, ignore=appointment.pk)
    _rewrite(appointment, placed)
    announce(appointment=appointment, left_at=left_at, tell=tell, now=now)
    trail.record(verb="appointment.moved", ref=appointment.ref, actor=actor, now=now)
    # In this order: the lock of the list comes before the rows of it.
    offering.offer_freed(placed=left, left_by=appointment.pk, now=now)
    waiting.appointment_moved(appointment)
    return appointment


def announce(*, appointment: Appointment, left_at: datetime, tell: bool, now: datetime) -> None:
    """Drop the messages of the times that were, write those of the times that are.

    A confirmation that had not left yet is written again with the new times, whether or not the
    person is told of the change: nobody is left without the first message.
    """
    unsent = settle_pending(
        object_id=appointment.pk, kinds=[kinds.CONFIRMATION], reason="moved", now=now
    )
    settle_pending(object_id=appointment.pk, kinds=kinds.BEFORE_THE_VISIT, reason="moved", now=now)
    due = []
    if unsent and not tell:
        due.append(
            Due(kinds.CONFIRMATION, appointment.pk, due_at=now, version=appointment.sequence)
        )
    if tell:
        due.append(
            Due(
                kinds.MOVED,
                appointment.pk,
                due_at=now,
                version=appointment.sequence,
                audience=left_at.isoformat(),
            )
        )
    reminder = deadlines.reminder_entry(
        appointment=appointment, settings=deadlines.practice(), now=now
    )
    calendar = calendar_entries.want(appointment=appointment, now=now)
    write(due=[*due, *([reminder] if reminder else []), *calendar.due], now=now)
    deadlines.recompute(appointment=appointment, is_moved=True, now=now)


def cancel(
    *,
    appointment: Appointment,
    by_patient: bool,
    actor: str,
    tell: bool = True,
    sequence: int | None = None,
    now: datetime,
) -> Appointment:
    """Cancel and free the slot; the person is erased once the notices have gone, 24 h at most (B-24).

    Raises TooLate for a patient past the motif's limit, AlreadyCancelled the second time,
    ChangedMeanwhile when it is no longer the ``sequence`` that was shown. Works after the erasure too:
    then nobody is left to write to but the practitioner (B-28).
    """
    lock_practitioners([appointment.practitioner_id])
    appointment = _reload(appointment, sequence)
    if by_patient:
        check_not_too_late(appointment, now=now)
    appointment.status = (
        Appointment.Status.CANCELLED_BY_PATIENT
        if by_patient
        else Appointment.Status.CANCELLED_BY_PRACTITIONER
    )
    appointment.cancelled_at = now
    appointment.sequence += 1
    appointment.save(update_fields=["status", "cancelled_at", "sequence"])
    settle_pending(
        object_id=appointment.pk, kinds=kinds.BEFORE_THE_VISIT, reason="cancelled", now=now
    )
    calendar = calendar_entries.want(appointment=appointment, now=now)
    notices = _cancel_notices(appointment, by_patient=by_patient, tell=tell, now=now)
    if not by_patient and tell:
        notices += calendar_entries.hold_back_to_tell(appointment=appointment, now=now)
    write(due=[*notices, *calendar.due], now=now)
    deadlines.recompute(
        appointment=appointment,
        are_notices_gone=not tell and not deadlines.holds_address(appointment),
        now=now,
    )
    trail.record(verb="appointment.cancelled", ref=appointment.ref, actor=actor, now=now)
    # In this order: the lock of the list comes before the rows of it.
    offering.offer_freed(placed=placed_of(appointment), left_by=appointment.pk, now=now)
    waiting.appointment_cancelled(appointment, by_patient=by_patient, now=now)
    return appointment


def mark(
    *, appointment: Appointment, status: Appointment.Status, actor: str, now: datetime
) -> None:
    """Note that the person came or did not, or take it back; counters only, no history (B-10)."""
    allowed = {Appointment.Status.FULFILLED, Appointment.Status.NOSHOW, Appointment.Status.BOOKED}
    if status not in allowed:
        raise AlreadyCancelled
    # Under the lock and read again: a cancelled row that came back would occupy somebody else's time.
    lock_practitioners([appointment.practitioner_id])
    appointment = _reload(appointment)
    appointment.status = status
    appointment.save(update_fields=["status"])
    verb = "unmarked" if status == Appointment.Status.BOOKED else status
    trail.record(verb=f"appointment.{verb}", ref=appointment.ref, actor=actor, now=now)


def change_until(appointment: Appointment) -> datetime:
    """Return until when the person may move or cancel online: the motif's rule, else the start."""
    hours = appointment.appointment_type.cancel_hours
    return appointment.starts_at - timedelta(hours=hours or 0)


def check_not_too_late(appointment: Appointment, *, now: datetime) -> None:
    """Raise TooLate past the limit: from then on the person telephones."""
    until = change_until(appointment)
    if now >= until:
        raise TooLate(until)


def _reload(appointment: Appointment, sequence: int | None = None) -> Appointment:
    """Read the row again, under the lock: what was shown is what is meant."""
    fresh = Appointment.objects.select_related("practitioner", "location", "appointment_type").get(
        pk=appointment.pk
    )
    if fresh.is_cancelled:
        raise AlreadyCancelled
    if sequence is not None and fresh.sequence != sequence:
        raise ChangedMeanwhile
    return fresh


def _check_open_bookings(indexes: Indexes, *, limit: int, now: datetime) -> None:
    """Count under a lock per index: two clicks at once count each other."""
    given = [index for index in (indexes.email, indexes.phone) if index]
    if not given:
        return
    still_open = lock_names_and_read(
        [f"person|{index.hex()}" for index in given],
        _OPEN_BOOKINGS,
        {"email": indexes.email, "phone": indexes.phone, "now": now},
    )
    if max(still_open) >= limit:
        raise TooManyBookings


def _wanted(held: Appointment | None, choice: Choice, *, now: datetime) -> Placed | None:
    """Return where the form wants to go, when that is not where its hold is; SlotTaken when it cannot.

    A hold that lives is a promise of ten minutes; who closes that time takes it away (absences.add). A page
    may show another slot than the one held since: what was shown is what is meant. Asked before the locks,
    so that those who come too late do not queue. The constraint judges afterwards.
    """
    is_its_hold = held is not None and choice_of(held) == choice
    held_until = held.held_until if held is not None and is_its_hold else None
    if held_until is not None and held_until > now:
        return None
    # Somewhere else, or a hold that has expired: nothing says any more that it may still be booked.
    placed = place(choice, online=True)
    own = held.pk if held else None
    _refuse_taken(placed, now=now, ignore=own)
    # Who has chosen in time and typed slowly has kept the minimum notice.
    chosen_at = held_until - HOLD_FOR if held_until is not None else now
    is_open = is_offered(placed, now=chosen_at, ignore_appointment=own)
    if not is_open or placed.starts_at <= now:
        raise SlotTaken
    return None if is_its_hold else placed


def _take(
    held: Appointment | None,
    placed: Placed | None,
    form_ref: uuid.UUID,
    *,
    indexes: Indexes,
    settings: Practice,
    now: datetime,
) -> Appointment:
    """Turn the hold into a booking, or insert one at ``placed`` when that is somewhere else."""
    where = [held.practitioner_id] if held else []
    lock_practitioners([*where, placed.practitioner.pk] if placed else where)
    _check_open_bookings(indexes, limit=settings.max_open_bookings, now=now)
    if held is not None and placed is None:
        _confirm(held, now=now)
        return held
    found = of_form_if_any(form_ref)
    if found is not None and found.status != Appointment.Status.HELD:
        raise SlotTaken  # by another click of this form
    if found is not None:
        release(form_ref=form_ref)
    assert placed is not None  # noqa: S101  # a form without a hold wants to go somewhere
    _check_promise(placed, settings, booked_at=now)
    return _insert(placed, form_ref=form_ref, origin=Appointment.Origin.PATIENT, now=now)


def _refuse_taken(placed: Placed, *, now: datetime, ignore: int | None = None) -> None:
    start, end = placed.occupied
    if is_taken(
        practitioner_id=placed.practitioner.pk, starts_at=start, ends_at=end, now=now, ignore=ignore
    ):
        raise SlotTaken


def _stands_over(placed: Placed, *, over: bool, ignore: int | None = None) -> bool:
    start, end = placed.occupied
    return stands_over(
        practitioner_id=placed.practitioner.pk,
        starts_at=start,
        ends_at=end,
        over=over,
        ignore=ignore,
    )


def _confirm(held: Appointment, *, now: datetime) -> None:
    held.status = Appointment.Status.BOOKED
    held.booked_at = now
    held.held_until, held.network_index = None, None
    assign_links(held)
    updated = Appointment.objects.filter(pk=held.pk, status=Appointment.Status.HELD).update(
        status=held.status,
        booked_at=now,
        held_until=None,
        network_index=None,
        manage_hash=held.manage_hash,
        short_hash=held.short_hash,
    )
    if not updated:
        # Another click has confirmed it, or it had expired and somebody else's booking has swept it away.
        raise SlotTaken


def _booked_meanwhile(form_ref: uuid.UUID, *, otherwise: Exception) -> Appointment:
    """Return the booking that another click of the same form has made since; else raise ``otherwise``."""
    booked = of_form_if_any(form_ref)
    if booked is None or booked.status == Appointment.Status.HELD:
        raise otherwise
    return booked


def _insert(
    placed: Placed,
    *,
    form_ref: uuid.UUID,
    origin: Appointment.Origin,
    over: bool = False,
    now: datetime,
) -> Appointment:
    start, end = placed.occupied
    drop_expired_holds(
        practitioner_id=placed.practitioner.pk, starts_at=start, ends_at=end, now=now
    )
    appointment = Appointment(
        practitioner=placed.practitioner,
        location=placed.location,
        appointment_type=placed.appointment_type,
        status=Appointment.Status.BOOKED,
        origin=origin,
        starts_at=placed.starts_at,
        ends_at=placed.ends_at,
        during=placed.during,
        is_extra=_stands_over(placed, over=over),
        form_ref=form_ref,
        booked_at=now,
    )
    assign_links(appointment)
    return insert_occupying(appointment)


def _complete(
    appointment: Appointment,
    person: Person,
    indexes: Indexes,
    *,
    settings: Practice,
    actor: str,
    now: datetime,
) -> Appointment:
    calendar = calendar_entries.want(appointment=appointment, now=now)
    if not person.is_empty:
        erase_at = deadlines.erase_at_for(
            appointment=appointment,
            retention_days=settings.retention_days,
            standing=calendar.standing,
            has_phone=indexes.phone is not None,
        )
        contacts.store(
            appointment=appointment,
            person=person,
            indexes=indexes,
            retention_days=settings.retention_days,
            erase_at=erase_at,
            now=now,
        )
    reminder = deadlines.reminder_entry(appointment=appointment, settings=settings, now=now)
    confirmation = Due(kinds.CONFIRMATION, appointment.pk, due_at=now, version=appointment.sequence)
    write(due=[confirmation, *([reminder] if reminder else []), *calendar.due], now=now)
    trail.record(verb="appointment.booked", ref=appointment.ref, actor=actor, now=now)
    return appointment


def _check_promise(placed: Placed, settings: Practice, *, booked_at: datetime) -> None:
    last = last_start(booked_at=booked_at, retention_days=settings.retention_days)
    if placed.starts_at > last:
        raise BeyondPromise(last)


def _rewrite(appointment: Appointment, placed: Placed) -> None:
    appointment.practitioner = placed.practitioner
    appointment.location = placed.location
    appointment.appointment_type = placed.appointment_type
    appointment.starts_at = placed.starts_at
    appointment.ends_at = placed.ends_at
    appointment.during = placed.during
    appointment.sequence += 1
    appointment.late_min = None
    with refused_is_taken():
        appointment.save(
            update_fields=[
                "practitioner",
                "location",
                "appointment_type",
                "starts_at",
                "ends_at",
                "during",
                "sequence",
                "late_min",
                "is_extra",
            ]
        )


def _cancel_notices(
    appointment: Appointment, *, by_patient: bool, tell: bool, now: datetime
) -> list[Due]:
    kind = kinds.CANCELLED_BY_PATIENT if by_patient else kinds.CANCELLED_BY_PRACTITIONER
    version = appointment.sequence
    notices = [Due(kind, appointment.pk, due_at=now, version=version)] if tell else []
    if by_patient:
        notices.append(Due(kinds.SLOT_FREED, appointment.pk, due_at=now, version=version))
    return notices
