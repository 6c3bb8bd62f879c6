"""Answers to an offer of the waiting list; accepting books the held slot and cancels the old appointment."""

from datetime import datetime
from typing import TypeGuard

from django.db import transaction

from booking.appointments.book import book_held
from booking.appointments.cancel import cancel
from booking.models import Appointment, Offer, WaitingEntry
from booking.rules.errors import OfferOver
from booking.scheduling.locks import lock_names, lock_practitioners
from booking.waiting_list import (
    offers,
    waiting_contacts,
    waiting_entries,
)
from tenants.audit import services as audit


def accept(*, offer: Offer, actor: str, now: datetime) -> Appointment:
    """Book the held slot, cancel the appointment of the entry, erase the entry: one transaction.

    A second click returns the same booking. Raises OfferOver when the offer has ended, TooLate when the old
    appointment can no longer be cancelled online.
    """
    tied = offer.entry.appointment if offer.entry else None
    agendas = {offer.practitioner_id, tied.practitioner_id if tied else 0}
    lock_practitioners(agendas)
    lock_names([offers.LIST])
    fresh = offers.open_offer(offer.pk)
    if fresh is None:
        return _accepted_before(offer)
    entry, hold = fresh.entry, fresh.appointment
    gives_back = entry.appointment if entry else None
    if gives_back is not None and gives_back.practitioner_id not in agendas:
        raise OfferOver  # moved meanwhile to another agenda, which is not locked
    person = waiting_contacts.open_entry(entry) if entry else None
    is_over = now >= fresh.expires_at
    if is_over or entry is None or person is None or not _is_held(hold):
        raise OfferOver
    # A savepoint: an error leaves no part of the change, whatever the page answers.
    with transaction.atomic():
        booked = book_held(hold=hold, person=person, actor=actor, now=now)
        _give_back(entry, actor=actor, now=now)
    offers.close(fresh, state=Offer.OfferState.ACCEPTED, actor=actor, now=now)
    waiting_contacts.erase([entry], rule=waiting_entries.ACCEPTED, now=now)
    return booked


def refuse(*, offer: Offer, actor: str, now: datetime) -> bool:
    """End the offer and offer the slot to the next person; the entry stays. False when it had ended."""
    return offers.end(offer=offer, state=Offer.OfferState.REFUSED, actor=actor, now=now)


def withdraw(*, offer: Offer, actor: str, now: datetime) -> bool:
    """End the offer and free the slot for all. False when the offer had ended."""
    return offers.end(
        offer=offer, state=Offer.OfferState.WITHDRAWN, actor=actor, passes_on=False, now=now
    )


def _accepted_before(offer: Offer) -> Appointment:
    ended = offers.read_offer(offer.pk)
    if ended is None or ended.state != Offer.OfferState.ACCEPTED or ended.appointment is None:
        raise OfferOver
    return ended.appointment


def _is_held(hold: Appointment | None) -> TypeGuard[Appointment]:
    return hold is not None and hold.status == Appointment.Status.HELD


def _give_back(entry: WaitingEntry, *, actor: str, now: datetime) -> None:
    """Cancel the appointment of the entry; the same transaction frees its slot and offers it again."""
    tied = entry.appointment
    if tied is None or tied.status != Appointment.Status.BOOKED:
        return
    by_patient = actor == audit.PATIENT
    cancel(appointment=tied, by_patient=by_patient, actor=actor, notify=by_patient, now=now)
