"""Reads the waiting list for the pages of a practice: entries and offers of given agendas."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q, QuerySet

from booking.models import Offer, Practitioner, WaitingEntry


def entries_for(practitioner_ids: Collection[int]) -> QuerySet[WaitingEntry]:
    """Return the entries in order that wait for these practitioners.

    An entry without a practitioner counts when one of them receives for its appointment type.
    """
    return (
        WaitingEntry.objects.filter(
            Q(practitioner__in=practitioner_ids)
            | Q(practitioner=None, appointment_type__practitioners__in=practitioner_ids)
        )
        .select_related("appointment_type", "practitioner", "location", "appointment", "data_key")
        .distinct()
        .order_by("position", "pk")
    )


def open_offers_of(entries: Collection[WaitingEntry]) -> dict[int, Offer]:
    """Return the open offer of each entry that has one, by the key of the entry: one query."""
    offers = Offer.objects.filter(entry__in=entries, state=Offer.OfferState.OFFERED)
    return {offer.entry_id: offer for offer in offers if offer.entry_id is not None}


def find_offer(ref: UUID, practitioners: Collection[Practitioner]) -> Offer | None:
    """Return the offer of a ref in one of these agendas, open or ended, or None."""
    return (
        Offer.objects.select_related("practitioner", "entry__appointment", "appointment")
        .filter(ref=ref, practitioner__in=practitioners)
        .first()
    )
