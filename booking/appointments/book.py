"""Books appointments: each function is one transaction with its audit event and its outbox entries.

``book`` serves the form of patients, ``book_by_staff`` the dashboard, ``book_held`` the waiting list.
"""

import uuid
from datetime import datetime

from booking.calendar_sync import calendar_entries
from booking.erasure import deadlines
from booking.models import Appointment, Practice
from booking.patients import contacts
from booking.patients.contacts import Indexes
from booking.patients.links import assign_links
from booking.rules import kinds
from booking.rules.errors import NotBookable, SlotTaken
from booking.rules.persons import Person
from booking.scheduling.catalogue import current_practice
from booking.scheduling.locks import (
    delete_expired_holds,
    lock_practitioners,
)
from booking.scheduling.slots import (
    HOLD_FOR,
    ResolvedSlot,
    SlotSelection,
    appointment_of_form,
    appointment_of_form_if_any,
    check_promise,
    insert_occupying,
    is_offered,
    must_overbook,
    refuse_taken,
    release,
    resolve,
    selection_of,
)
from tenants.audit import services as audit
from tenants.outbox.services import Due, subject_of, write


def book(  # noqa: PLR0913  # the fields of the form, each by its name
    *,
    selection: SlotSelection,
    form_ref: uuid.UUID,
    person: Person,
    is_open: bool,
    now: datetime,
    settings: Practice | None = None,
    known: Appointment | None = None,
    is_new: bool = False,
) -> Appointment:
    """Turn the hold of a form into a booking and return it; a second call with the form returns the same.

    Raises NotBookable when ``is_open`` is False, or SlotTaken. How often a person books is limited by
    ``booking.abuse.limits``, because an answer that depends on the bookings of others would tell about them. When
    the hold has expired and its row was deleted, the slot is tried again. A caller that has read them passes
    ``settings`` and ``known``, the row of the form; ``is_new`` says that it has found no such row.
    """
    if not is_open:
        raise NotBookable
    if known is None and not is_new:
        known = appointment_of_form(form_ref)
    if known is not None and known.status != Appointment.Status.HELD:
        return known
    settings = settings or current_practice()
    try:
        resolved = _slot_to_insert(known, selection, now=now)
        indexes = contacts.indexes_of(person)
        appointment = _occupy(known, resolved, form_ref, settings=settings, now=now)
    except SlotTaken as refusal:
        return _booked_meanwhile(form_ref, otherwise=refusal)
    return _complete(appointment, person, indexes, settings=settings, actor=audit.PATIENT, now=now)


def book_by_staff(
    *,
    selection: SlotSelection,
    form_ref: uuid.UUID,
    person: Person,
    overbook: bool = False,
    actor: str,
    now: datetime,
) -> Appointment:
    """Book by hand; opening hours and minimum notice are not checked: the page warns of them.

    Raises SlotTaken (unless ``overbook``) and BeyondPromise (B-22), as for patients. With ``overbook`` the
    row may overlap another one; its ``is_overbooked`` then stays set.
    """
    known = appointment_of_form_if_any(form_ref)
    if known is not None:
        return known
    settings = current_practice()
    resolved = resolve(selection, online=False)
    try:
        if not overbook:
            refuse_taken(resolved, now=now)
        lock_practitioners([selection.practitioner_id])
        known = appointment_of_form_if_any(form_ref)
        if known is not None:
            return known
        check_promise(resolved, retention_days=settings.retention_days, booked_at=now)
        appointment = _insert(
            resolved, form_ref=form_ref, origin=Appointment.Origin.STAFF, overbook=overbook, now=now
        )
    except SlotTaken as refusal:
        return _booked_meanwhile(form_ref, otherwise=refusal)
    indexes = contacts.indexes_of(person)
    return _complete(appointment, person, indexes, settings=settings, actor=actor, now=now)


def book_held(*, hold: Appointment, person: Person, actor: str, now: datetime) -> Appointment:
    """Turn the hold of an offer of the waiting list into the booking of its person.

    The caller holds the lock of the agenda. Raises SlotTaken when the hold no longer exists.
    """
    settings = current_practice()
    _confirm(hold, now=now)
    indexes = contacts.indexes_of(person)
    return _complete(hold, person, indexes, settings=settings, actor=actor, now=now)


def confirmation_entry(
    appointment: Appointment, *, recipient: str, now: datetime
) -> Due[kinds.AppointmentVersion]:
    """Return the outbox entry of the confirmation of an appointment, due at once."""
    version = kinds.AppointmentVersion(appointment.sequence)
    return Due(kinds.CONFIRMATION, subject_of(appointment), version, now, recipient=recipient)


def _slot_to_insert(
    hold: Appointment | None, selection: SlotSelection, *, now: datetime
) -> ResolvedSlot | None:
    """Return the slot of the form when it is not the slot of its hold, else None. Raises SlotTaken.

    A hold that has not expired keeps its slot for ten minutes; an absence that is added deletes it
    (absences.add). A page may show another slot than the hold: the slot that the page showed is booked.
    Checked before the locks, so that late requests do not queue; the constraint decides afterwards.
    """
    is_its_hold = hold is not None and selection_of(hold) == selection
    held_until = hold.held_until if hold is not None and is_its_hold else None
    if held_until is not None and held_until > now:
        return None
    # Another slot, or an expired hold: whether it may still be booked must be checked.
    resolved = resolve(selection, online=True)
    own = hold.pk if hold else None
    refuse_taken(resolved, now=now, ignore=own)
    # The minimum notice counts from the choice of the slot: a slow typist keeps it.
    chosen_at = held_until - HOLD_FOR if held_until is not None else now
    is_open = is_offered(resolved, now=chosen_at, ignore_appointment=own)
    if not is_open or resolved.starts_at <= now:
        raise SlotTaken
    return None if is_its_hold else resolved


def _occupy(
    hold: Appointment | None,
    resolved: ResolvedSlot | None,
    form_ref: uuid.UUID,
    *,
    settings: Practice,
    now: datetime,
) -> Appointment:
    """Turn the hold into a booking, or insert a booking at ``resolved`` when the form names another slot."""
    agendas = [hold.practitioner_id] if hold else []
    lock_practitioners([*agendas, resolved.practitioner.pk] if resolved else agendas)
    if hold is not None and resolved is None:
        _confirm(hold, now=now)
        return hold
    found = appointment_of_form_if_any(form_ref)
    if found is not None and found.status != Appointment.Status.HELD:
        raise SlotTaken  # another click of this form has booked
    if found is not None:
        release(form_ref=form_ref)
    assert resolved is not None  # noqa: S101  # a form without a hold names a slot
    check_promise(resolved, retention_days=settings.retention_days, booked_at=now)
    return _insert(resolved, form_ref=form_ref, origin=Appointment.Origin.PATIENT, now=now)


def _confirm(hold: Appointment, *, now: datetime) -> None:
    hold.status = Appointment.Status.BOOKED
    hold.booked_at = now
    hold.held_until, hold.network_index = None, None
    assign_links(hold)
    updated = Appointment.objects.filter(pk=hold.pk, status=Appointment.Status.HELD).update(
        status=hold.status,
        booked_at=now,
        held_until=None,
        network_index=None,
        manage_hash=hold.manage_hash,
        short_hash=hold.short_hash,
    )
    if not updated:
        # Another click has confirmed the hold, or another booking has deleted the expired hold.
        raise SlotTaken


def _booked_meanwhile(form_ref: uuid.UUID, *, otherwise: Exception) -> Appointment:
    """Return the booking that another click of the same form has made meanwhile; else raise ``otherwise``."""
    booked = appointment_of_form_if_any(form_ref)
    if booked is None or booked.status == Appointment.Status.HELD:
        raise otherwise
    return booked


def _insert(
    resolved: ResolvedSlot,
    *,
    form_ref: uuid.UUID,
    origin: Appointment.Origin,
    overbook: bool = False,
    now: datetime,
) -> Appointment:
    start, end = resolved.occupied
    delete_expired_holds(
        practitioner_id=resolved.practitioner.pk, starts_at=start, ends_at=end, now=now
    )
    appointment = Appointment(
        practitioner=resolved.practitioner,
        location=resolved.location,
        appointment_type=resolved.appointment_type,
        status=Appointment.Status.BOOKED,
        origin=origin,
        starts_at=resolved.starts_at,
        ends_at=resolved.ends_at,
        during=resolved.during,
        is_overbooked=must_overbook(resolved, overbook=overbook),
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
    """Store the contact, write the outbox entries and record the audit event of a new booking."""
    calendar = calendar_entries.schedule_push(appointment=appointment, now=now)
    if not person.is_empty:
        erase_at = deadlines.erase_at_for(
            appointment=appointment,
            retention_days=settings.retention_days,
            sync_state=calendar.sync_state,
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
    recipient = contacts.recipient_of(email=indexes.email, phone=indexes.phone)
    confirmation = confirmation_entry(appointment, recipient=recipient, now=now)
    write(due=[confirmation, *([reminder] if reminder else []), *calendar.due], now=now)
    audit.record(verb="appointment.booked", ref=appointment.ref, actor=actor, now=now)
    return appointment
