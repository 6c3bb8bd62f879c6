"""Deleting an event for good because its person asked to be erased: one click of the practitioner (B-34).

In their calendar they alone decide, so the trail keeps what they chose. Where lib-rdv reaches the event no
more, the task that an erasure left is theirs.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from enum import Enum

from booking.event_body import Cleaning, Level
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, PatientContact
from booking.services import calendar_entries
from tenants.trail import services as trail

_NOT_THERE = (CalendarEntry.State.GONE, CalendarEntry.State.DELETED)


class Offer(Enum):
    """What lib-rdv can do of an event that says who comes."""

    NOW = "now"
    AFTER = "after"
    """The visit is to come: until then only the event says of whom."""
    ASKED = "asked"


def offers(*, appointments: Collection[Appointment], now: datetime) -> dict[int, Offer]:
    """Return, by key, what can be done of the events of these appointments; one query, none for none.

    Nothing where one stands in a calendar that is not linked, or waits for its person to be told.
    """
    standing = defaultdict(list)
    if appointments:
        for entry in _standing([one.pk for one in appointments]):
            standing[entry.appointment_id].append(entry)
    found = {key: {_offer(entry, now=now) for entry in rows} for key, rows in standing.items()}
    return {
        key: offer for key, kinds in found.items() if len(kinds) == 1 for offer in kinds if offer
    }


def offer_of(*, appointment: Appointment, now: datetime) -> Offer | None:
    """Return what can be done of the event of a person who was erased, or asked for it."""
    offer = offers(appointments=[appointment], now=now).get(appointment.pk)
    if offer is None or _is_asked(appointment):
        return offer
    # A task alone is of what has to go now: a visit to come stays in the calendar of who receives it.
    return offer if offer is not Offer.AFTER and _has_task(appointment) else None


def efface(*, appointment: Appointment, actor: str, now: datetime) -> Offer | None:
    """Have a worker delete the event, at once or after the visit; None when that is not to be had.

    What Google refuses again stays, or becomes, the practitioner's task.
    """
    offer = offer_of(appointment=appointment, now=now)
    if offer not in {Offer.NOW, Offer.AFTER}:
        return None
    if offer is Offer.AFTER:
        calendar_entries.clean_when_over(appointment=appointment, now=now)
    for entry in _standing([appointment.pk]):
        entry.cleaning = Cleaning.DELETE.value
        if entry.cleans_at is None and _is_over(entry, now=now):
            entry.cleans_at = now
        entry.save(update_fields=["cleaning", "cleans_at"])
        if offer is Offer.NOW:
            calendar_entries.push_again(entry=entry, now=now)
    trail.record(verb="calendar.effaced", ref=appointment.ref, actor=actor, now=now)
    return offer


def _standing(appointment_ids: Collection[int]) -> list[CalendarEntry]:
    entries = CalendarEntry.objects.select_related("account", "appointment").filter(
        appointment__in=appointment_ids, level__gte=Level.INITIALS
    )
    return list(entries.exclude(state__in=_NOT_THERE))


def _is_asked(appointment: Appointment) -> bool:
    """Whether the person is erased here, or has asked for it."""
    if appointment.erased_at is not None:
        return True
    contact = PatientContact.objects.filter(appointment=appointment)
    return contact.filter(erasure_asked_at__isnull=False).exists()


def _has_task(appointment: Appointment) -> bool:
    tasks = CalendarTask.objects.filter(appointment=appointment, kind=CalendarTask.Kind.ERASE)
    return tasks.filter(done_at__isnull=True).exists()


def _offer(entry: CalendarEntry, *, now: datetime) -> Offer | None:
    account = entry.account
    if account is None or account.state != GoogleAccount.State.CONNECTED or entry.is_held_back:
        return None
    is_due = _is_over(entry, now=now) or not _is_expected(entry)
    is_asked = entry.cleaning == Cleaning.DELETE.value
    if is_asked and (entry.wanted > entry.pushed or not is_due):
        return Offer.ASKED
    return Offer.NOW if is_due else Offer.AFTER


def _is_expected(entry: CalendarEntry) -> bool:
    """Whether the appointment still stands in this calendar's agenda."""
    visit, account = entry.appointment, entry.account
    is_here = account is not None and account.practitioner_id == visit.practitioner_id
    return is_here and not visit.is_cancelled


def _is_over(entry: CalendarEntry, *, now: datetime) -> bool:
    """Whether the event is of a visit that took place: cleaning it erases the person here too."""
    return _is_expected(entry) and entry.appointment.ends_at <= now
