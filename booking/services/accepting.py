"""Answering an offer of the waiting list: accepting books the held slot and gives the old one back."""

from datetime import datetime

from django.db import transaction

from booking.errors import OfferOver
from booking.models import Appointment, Offer, WaitingEntry
from booking.services import appointments, offering, waiting, waiting_contacts
from booking.services.locks import lock_names, lock_practitioners
from tenants.trail import services as trail


def accept(*, offer: Offer, actor: str, now: datetime) -> Appointment:
    """Book the held slot, cancel the appointment given back, erase the entry: one transaction.

    A second click returns the same booking. Raises OfferOver when the offer has ended, TooLate when
    the old appointment can no longer be given back online.
    """
    tied = offer.entry.appointment if offer.entry else None
    agendas = {offer.practitioner_id, tied.practitioner_id if tied else 0}
    lock_practitioners(agendas)
    lock_names([offering.LIST])
    fresh = offering.open_offer(offer.pk)
    if fresh is None:
        return _accepted_before(offer)
    entry, hold = fresh.entry, fresh.appointment
    gives_back = entry.appointment if entry else None
    if gives_back is not None and gives_back.practitioner_id not in agendas:
        raise OfferOver  # moved to another agenda meanwhile, which is not locked
    person = waiting_contacts.open_entry(entry) if entry else None
    is_over = now >= fresh.expires_at
    if is_over or entry is None or person is None or not _is_held(hold):
        raise OfferOver
    assert hold is not None  # noqa: S101  # just above
    # Whoever refuses leaves nothing half done, whatever the page then answers.
    with transaction.atomic():
        booked = appointments.book_held(held=hold, person=person, actor=actor, now=now)
        _give_back(entry, actor=actor, now=now)
    offering.close(fresh, state=Offer.State.ACCEPTED, actor=actor, now=now)
    waiting_contacts.erase([entry], rule=waiting.ACCEPTED, now=now)
    return booked


def refuse(*, offer: Offer, actor: str, now: datetime) -> bool:
    """Give the slot to the next person; who refuses stays on the list. False when it had ended."""
    return offering.end(offer=offer, state=Offer.State.REFUSED, actor=actor, now=now)


def withdraw(*, offer: Offer, actor: str, now: datetime) -> bool:
    """Take an offer back: the slot is free for everybody. False when it had ended."""
    return offering.end(
        offer=offer, state=Offer.State.WITHDRAWN, actor=actor, passes_on=False, now=now
    )


def _accepted_before(offer: Offer) -> Appointment:
    ended = offering.offer_as_it_is(offer.pk)
    if ended is None or ended.state != Offer.State.ACCEPTED or ended.appointment is None:
        raise OfferOver
    return ended.appointment


def _is_held(hold: Appointment | None) -> bool:
    return hold is not None and hold.status == Appointment.Status.HELD


def _give_back(entry: WaitingEntry, *, actor: str, now: datetime) -> None:
    """Cancel what the person gives back; it is freed, and offered on, by the same transaction."""
    tied = entry.appointment
    if tied is None or tied.status != Appointment.Status.BOOKED:
        return
    by_patient = actor == trail.PATIENT
    appointments.cancel(
        appointment=tied, by_patient=by_patient, actor=actor, tell=by_patient, now=now
    )
