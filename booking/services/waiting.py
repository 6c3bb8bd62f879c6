"""Joining the waiting list, its order, leaving it, and the erasure of who has waited long enough (T8)."""

import uuid
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import F, Max, Min, Q, QuerySet
from django.db.models.functions import Greatest, Least

from booking import erasure, kinds
from booking.models import (
    Appointment,
    AppointmentType,
    Location,
    Offer,
    PatientContact,
    Practitioner,
    WaitingEntry,
)
from booking.models.waiting import EVERY_DAY, WAITING_LIMIT
from booking.persons import Person
from booking.services import contacts, deadlines, offering, waiting_contacts
from booking.services.locks import lock_names, lock_practitioners
from tenants.keyring import services as keyring
from tenants.outbox.services import Due, write
from tenants.trail import services as trail

LINK = "waiting.entry"
PER_PERSON = 3
"""So many entries of one address or number on the lists of a practice."""
LEFT, ACCEPTED, DUE, RESTORED = "left", "accepted", "B-21 due", "S-27 restored"
ERASED_AT_ONCE = 500


@dataclass(frozen=True)
class Wish:
    """What somebody waits for; no practitioner: whoever receives for this motif."""

    appointment_type: AppointmentType
    location: Location
    practitioner: Practitioner | None = None
    weekdays: int = EVERY_DAY
    half: str = ""


def join(  # what a form says, each by its name
    *,
    wish: Wish,
    person: Person,
    form_ref: uuid.UUID,
    origin: WaitingEntry.Origin,
    actor: str,
    gives_back: Appointment | None = None,
    now: datetime,
) -> WaitingEntry | None:
    """Put a person on the list, last in order, and write to them; a second click changes nothing.

    None when they are there already, or have too many entries: no page may tell, so that the same
    reads and writes are done in every case.
    """
    lock_names([offering.LIST])
    known = WaitingEntry.objects.filter(form_ref=form_ref).first()
    if known is not None:
        return known
    indexes = contacts.indexes_of(person)
    theirs = _entries_of(indexes)
    there = _there(theirs, wish, person) if origin == WaitingEntry.Origin.PATIENT else None
    if gives_back is not None:
        there = WaitingEntry.objects.filter(appointment=gives_back).first()
    with transaction.atomic():
        tied = gives_back if there is None else None
        entry = _enter(wish, person, indexes, form_ref, origin, tied, now=now)
        write(due=[Due(kinds.WAITING_JOINED, entry.pk, due_at=now)], now=now)
        trail.record(verb="waiting.joined", ref=entry.ref, actor=actor, now=now)
        transaction.set_rollback(there is not None)
    if there is None:
        return entry
    # Once a day at most: whoever has lost the link has it again, and nobody floods anybody.
    write(due=[Due(kinds.WAITING_JOINED, there.pk, now, audience=f"{now:%Y%m%d}")], now=now)
    return None


def leave(*, entry: WaitingEntry, rule: str = LEFT, actor: str, now: datetime) -> bool:
    """Take a person off the list and erase them at once; what was offered goes to the next."""
    offers = _end_offers([entry], state=Offer.State.REFUSED, actor=actor, now=now)
    fresh = WaitingEntry.objects.select_related("data_key").filter(pk=entry.pk).first()
    if fresh is None:
        return False
    _pass_on(offers, now=now)
    trail.record(verb="waiting.left", ref=fresh.ref, actor=actor, now=now)
    return bool(waiting_contacts.erase([fresh], rule=rule, now=now))


def erase_due(*, now: datetime, limit: int = ERASED_AT_ONCE) -> int:
    """Erase those whose date has come, oldest first; return how many, 0 when none is left."""
    due = WaitingEntry.objects.filter(erase_at__lte=now).order_by("erase_at", "pk")
    return _erase_some(list(due[:limit]), rule=DUE, now=now)


def erase_again(*, hashes: Container[str], now: datetime) -> int:
    """Erase those whose hash stands in the erasure ledger: what a restored backup brought back."""
    return _erase_some(waiting_contacts.those_in(hashes), rule=RESTORED, now=now)


def forget_offers(*, now: datetime, limit: int = ERASED_AT_ONCE) -> int:
    """Delete the offers that ended 30 days ago; return how many."""
    old = Offer.objects.filter(ended_at__lte=now - WAITING_LIMIT)
    keys = old.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
    return Offer.objects.filter(pk__in=list(keys[:limit])).delete()[0]


def lock_with(appointment: Appointment) -> None:
    """Lock every agenda that erasing the person of an appointment touches: what is offered to them too."""
    offered = Offer.objects.filter(entry__appointment=appointment, state=Offer.State.OFFERED)
    keys = offered.values_list("practitioner_id", flat=True)
    lock_practitioners([appointment.practitioner_id, *keys])


def leave_with(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Erase the entry that an appointment would be given back for: its person asked to be erased."""
    entry = WaitingEntry.objects.filter(appointment=appointment).first()
    if entry is not None:
        leave(entry=entry, rule="person", actor=actor, now=now)


def leave_as(*, contact: PatientContact, actor: str, now: datetime) -> None:
    """Erase the entries of the person of a contact, tied or not: found by blind index, one list each."""
    indexes = contacts.Indexes(email=_bytes(contact.email_index), phone=_bytes(contact.phone_index))
    for entry in _entries_of(indexes):
        leave(entry=entry, rule="person", actor=actor, now=now)


def _bytes(index: bytes | memoryview | None) -> bytes | None:
    return None if index is None else bytes(index)


def appointment_moved(appointment: Appointment) -> None:
    """Count again: nobody waits for an earlier slot than one that has begun."""
    WaitingEntry.objects.filter(appointment=appointment).update(
        erase_at=Greatest(
            F("joined_at"), Least(F("joined_at") + WAITING_LIMIT, appointment.starts_at)
        )
    )


def appointment_cancelled(appointment: Appointment, *, by_patient: bool, now: datetime) -> None:
    """Who cancels has no use for an earlier slot: the next purge erases them. Who was cancelled waits."""
    entries = WaitingEntry.objects.filter(appointment=appointment)
    if by_patient:
        entries.update(erase_at=now)
    else:
        entries.update(appointment=None)


def move_entry(
    *, entry: WaitingEntry, others: Sequence[WaitingEntry], way: str, actor: str, now: datetime
) -> None:
    """Put an entry first, or exchange it with its neighbour among ``others``: the order they see."""
    lock_names([offering.LIST])
    keys = [one.pk for one in others]
    order = list(WaitingEntry.objects.filter(pk__in=keys).order_by("position", "pk"))
    here = next((place for place, one in enumerate(order) if one.pk == entry.pk), None)
    if here is None:
        return
    if way == "first":
        first = WaitingEntry.objects.aggregate(first=Min("position"))["first"]
        WaitingEntry.objects.filter(pk=entry.pk).update(position=first - 1)
    else:
        there = here - 1 if way == "up" else here + 1
        if not 0 <= there < len(order):
            return
        places = [one.position for one in order]
        order[here], order[there] = order[there], order[here]
        for one, position in zip(order, places, strict=True):
            one.position = position
        WaitingEntry.objects.bulk_update([order[here], order[there]], ["position"])
    trail.record(verb="waiting.moved", ref=entry.ref, actor=actor, now=now)


def link_of(entry: WaitingEntry) -> str:
    """Return the token of the link by which a person leaves the list."""
    return keyring.link_token(purpose=LINK, ref=entry.ref, generation=0)


def find_entry(token: str) -> WaitingEntry | None:
    """Return the entry of a link, or None: left, erased, or elsewhere."""
    return _with_rows().filter(link_hash=keyring.token_hash(token)).first()


def entry_as_it_is(key: int) -> WaitingEntry | None:
    """Return an entry, or None once erased."""
    return _with_rows().filter(pk=key).first()


def of_appointment(appointment: Appointment) -> WaitingEntry | None:
    """Return the entry that an appointment would be given back for."""
    return _with_rows().filter(appointment=appointment).first()


def entry_of(offer: Offer) -> WaitingEntry | None:
    """Return to whom an offer was made, or None once erased."""
    return entry_as_it_is(offer.entry_id or 0)


def erase_at_for(*, joined_at: datetime, gives_back: Appointment | None) -> datetime:
    """Return when an entry is erased: 30 days, or when the appointment given back begins (section 5)."""
    at = erasure.erase_at(
        case=erasure.Case.WAITING,
        booked_at=joined_at,
        ends_at=joined_at,
        retention_days=deadlines.practice().retention_days,
    )
    return at if gives_back is None else max(joined_at, min(at, gives_back.starts_at))


def _enter(  # one argument per thing that an entry says
    wish: Wish,
    person: Person,
    indexes: contacts.Indexes,
    form_ref: uuid.UUID,
    origin: WaitingEntry.Origin,
    gives_back: Appointment | None,
    *,
    now: datetime,
) -> WaitingEntry:
    last = WaitingEntry.objects.aggregate(last=Max("position"))["last"] or 0
    entry = WaitingEntry(
        form_ref=form_ref,
        appointment_type=wish.appointment_type,
        location=wish.location,
        practitioner=wish.practitioner,
        weekdays=wish.weekdays,
        half=wish.half,
        appointment=gives_back,
        position=last + 1,
        origin=origin,
        data_key=keyring.new_key(now=now),
        email_index=indexes.email,
        phone_index=indexes.phone,
        joined_at=now,
        erase_at=erase_at_for(joined_at=now, gives_back=gives_back),
    )
    entry.link_hash = keyring.token_hash(link_of(entry))
    waiting_contacts.seal(entry, person)
    entry.save(force_insert=True)
    return entry


def _with_rows() -> QuerySet[WaitingEntry]:
    return WaitingEntry.objects.select_related(
        "appointment_type", "practitioner", "location", "appointment__location", "data_key"
    )


def _entries_of(indexes: contacts.Indexes) -> list[WaitingEntry]:
    matches = []
    if indexes.email is not None:
        matches.append(Q(email_index=indexes.email))
    if indexes.phone is not None:
        matches.append(Q(phone_index=indexes.phone))
    if not matches:
        return []
    return list(WaitingEntry.objects.select_related("data_key").filter(reduce(or_, matches)))


def _there(theirs: Sequence[WaitingEntry], wish: Wish, person: Person) -> WaitingEntry | None:
    """Return the entry of a person who waits for this already; a family may share one address."""
    if len(theirs) >= PER_PERSON:
        return theirs[0]
    known = waiting_contacts.open_entries(theirs)
    for entry in theirs:
        is_same = (entry.appointment_type_id, entry.location_id) == (
            wish.appointment_type.pk,
            wish.location.pk,
        )
        if is_same and entry.pk in known and _who(known[entry.pk]) == _who(person):
            return entry
    return None


def _who(person: Person) -> tuple[str, str, str]:
    names = (person.first_name, person.last_name, person.relative)
    first, last, relative = (" ".join(name.split()).casefold() for name in names)
    return first, last, relative


def _end_offers(
    entries: Sequence[WaitingEntry], *, state: Offer.State, actor: str, now: datetime
) -> list[Offer]:
    """End what is open, under the locks of the agendas and then of the list; return those that were."""
    keys = [entry.pk for entry in entries]
    found = Offer.objects.filter(entry__in=keys, state=Offer.State.OFFERED)
    lock_practitioners(found.values_list("practitioner_id", flat=True))
    lock_names([offering.LIST])
    ended = []
    for key in found.order_by("pk").values_list("pk", flat=True):
        offer = offering.open_offer(key)
        if offer is not None:
            offering.close(offer, state=state, actor=actor, now=now)
            ended.append(offer)
    return ended


def _pass_on(offers: Sequence[Offer], *, now: datetime) -> None:
    for offer in offers:
        offering.pass_on(offer, now=now)


def _erase_some(entries: Sequence[WaitingEntry], *, rule: str, now: datetime) -> int:
    if not entries:
        return 0
    offers = _end_offers(entries, state=Offer.State.WITHDRAWN, actor=trail.SYSTEM, now=now)
    # Read again under the lock: another purge, or the person, may have been faster.
    fresh = WaitingEntry.objects.select_related("data_key").filter(
        pk__in=[entry.pk for entry in entries]
    )
    gone = list(fresh.select_for_update(of=("self",)))
    _pass_on(offers, now=now)
    waiting_contacts.erase(gone, rule=rule, now=now)
    return len(entries)
