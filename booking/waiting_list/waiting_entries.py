"""The entries of the waiting list: joining, order, leaving, and erasure of their persons when due (T8)."""

import uuid
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import F, Max, Min, Q, QuerySet
from django.db.models.functions import Greatest, Least

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
from booking.patients import contacts
from booking.rules import erasure, kinds
from booking.rules.persons import Person
from booking.scheduling.catalogue import current_practice
from booking.scheduling.locks import lock_names, lock_practitioners
from booking.waiting_list import offers as offering
from booking.waiting_list import waiting_contacts
from tenants.audit import services as audit
from tenants.keyring import services as keyring
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload
from tenants.outbox.services import Due, subject_of, write

LINK = "waiting.entry"
PER_PERSON = 3
"""The most entries of one e-mail address or phone number in a practice."""
LEFT, ACCEPTED, DUE, RESTORED = "left", "accepted", "B-21 due", "S-27 restored"
ERASED_AT_ONCE = 500


@dataclass(frozen=True)
class Wish:
    """The slot that a person waits for; practitioner None means any who receives for the appointment type."""

    appointment_type: AppointmentType
    location: Location
    practitioner: Practitioner | None = None
    weekdays: int = EVERY_DAY
    half: str = ""


def join(  # one argument for each field of the form
    *,
    wish: Wish,
    person: Person,
    form_ref: uuid.UUID,
    origin: WaitingEntry.EntryOrigin,
    actor: str,
    gives_back: Appointment | None = None,
    now: datetime,
) -> WaitingEntry | None:
    """Add a person at the end of the list and write their message; a second click returns the same entry.

    None when the person is on the list already or has too many entries. A page must not reveal that, not even by
    its duration: the same reads and writes are done in every case, and rolled back in this one.
    """
    lock_names([offering.LIST])
    known = WaitingEntry.objects.filter(form_ref=form_ref).first()
    if known is not None:
        return known
    indexes = contacts.indexes_of(person)
    recipient = contacts.recipient_of(email=indexes.email, phone=indexes.phone)
    theirs = _entries_of(indexes)
    existing = (
        _same_entry(theirs, wish, person) if origin == WaitingEntry.EntryOrigin.PATIENT else None
    )
    if gives_back is not None:
        existing = WaitingEntry.objects.filter(appointment=gives_back).first()
    # One message is counted and written in each case, here or below.
    with transaction.atomic():
        tied = gives_back if existing is None else None
        entry = _enter(wish, person, indexes, form_ref, origin, tied, now=now)
        if existing is None:
            write(due=[_joined_message(entry, recipient, now=now)], now=now)
        audit.record(verb="waiting.joined", ref=entry.ref, actor=actor, now=now)
        transaction.set_rollback(existing is not None)
    if existing is None:
        return entry
    # The message with the link is sent again, in case the person has lost it; once a day at most.
    write(due=[_joined_message(existing, recipient, repeat=f"{now:%Y%m%d}", now=now)], now=now)
    return None


def _joined_message(
    entry: WaitingEntry, recipient: str, *, repeat: str = "", now: datetime
) -> Due[NoPayload]:
    subject = subject_of(entry)
    return Due(kinds.WAITING_JOINED, subject, NO_PAYLOAD, now, repeat=repeat, recipient=recipient)


def leave(*, entry: WaitingEntry, rule: str = LEFT, actor: str, now: datetime) -> bool:
    """Erase the person of an entry at once; their open offers pass to the next entries. False when it is gone."""
    offers = _end_offers([entry], state=Offer.OfferState.REFUSED, actor=actor, now=now)
    fresh = WaitingEntry.objects.select_related("data_key").filter(pk=entry.pk).first()
    if fresh is None:
        return False
    _pass_on(offers, now=now)
    audit.record(verb="waiting.left", ref=fresh.ref, actor=actor, now=now)
    return bool(waiting_contacts.erase([fresh], rule=rule, now=now))


def erase_due(*, now: datetime, limit: int = ERASED_AT_ONCE) -> int:
    """Erase the persons whose ``erase_at`` has come, oldest first; return their number, 0 when none is left."""
    due = WaitingEntry.objects.filter(erase_at__lte=now).order_by("erase_at", "pk")
    return _erase_some(list(due[:limit]), rule=DUE, now=now)


def erase_again(*, hashes: Container[str], now: datetime) -> int:
    """Erase the persons whose hash is in the erasure ledger: a restored backup contains them again."""
    return _erase_some(waiting_contacts.entries_in(hashes), rule=RESTORED, now=now)


def delete_offers(*, now: datetime, limit: int = ERASED_AT_ONCE) -> int:
    """Delete the offers that ended 30 days ago or earlier; return their number."""
    old = Offer.objects.filter(ended_at__lte=now - WAITING_LIMIT)
    keys = old.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
    return Offer.objects.filter(pk__in=list(keys[:limit])).delete()[0]


def lock_agendas_of(appointment: Appointment) -> None:
    """Lock the agenda of an appointment and those of the open offers to the person of its entry."""
    offered = Offer.objects.filter(entry__appointment=appointment, state=Offer.OfferState.OFFERED)
    keys = offered.values_list("practitioner_id", flat=True)
    lock_practitioners([appointment.practitioner_id, *keys])


def erase_entry_of_appointment(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Erase the entry that waits for an earlier slot than an appointment, at the request of its person."""
    entry = WaitingEntry.objects.filter(appointment=appointment).first()
    if entry is not None:
        leave(entry=entry, rule="person", actor=actor, now=now)


def erase_entries_of_contact(*, contact: PatientContact, actor: str, now: datetime) -> None:
    """Erase all entries of the person of a contact, found by blind index, with or without an appointment."""
    indexes = contacts.Indexes(email=_bytes(contact.email_index), phone=_bytes(contact.phone_index))
    for entry in _entries_of(indexes):
        leave(entry=entry, rule="person", actor=actor, now=now)


def _bytes(index: bytes | memoryview | None) -> bytes | None:
    return None if index is None else bytes(index)


def appointment_moved(appointment: Appointment) -> None:
    """Compute ``erase_at`` of the entry again: it ends when the moved appointment starts."""
    WaitingEntry.objects.filter(appointment=appointment).update(
        erase_at=Greatest(
            F("joined_at"), Least(F("joined_at") + WAITING_LIMIT, appointment.starts_at)
        )
    )


def appointment_cancelled(appointment: Appointment, *, by_patient: bool, now: datetime) -> None:
    """Make the entry due for erasure when the patient cancelled; otherwise it stays, without an appointment."""
    entries = WaitingEntry.objects.filter(appointment=appointment)
    if by_patient:
        entries.update(erase_at=now)
    else:
        entries.update(appointment=None)


def move_entry(
    *, entry: WaitingEntry, others: Sequence[WaitingEntry], way: str, actor: str, now: datetime
) -> None:
    """Put an entry first, or exchange it with its neighbour among ``others``, the entries that the page shows."""
    lock_names([offering.LIST])
    keys = [other.pk for other in others]
    order = list(WaitingEntry.objects.filter(pk__in=keys).order_by("position", "pk"))
    here = next((index for index, row in enumerate(order) if row.pk == entry.pk), None)
    if here is None:
        return
    if way == "first":
        first = WaitingEntry.objects.aggregate(first=Min("position"))["first"]
        WaitingEntry.objects.filter(pk=entry.pk).update(position=first - 1)
    else:
        target = here - 1 if way == "up" else here + 1
        if not 0 <= target < len(order):
            return
        positions = [row.position for row in order]
        order[here], order[target] = order[target], order[here]
        for row, position in zip(order, positions, strict=True):
            row.position = position
        WaitingEntry.objects.bulk_update([order[here], order[target]], ["position"])
    audit.record(verb="waiting.moved", ref=entry.ref, actor=actor, now=now)


def link_of(entry: WaitingEntry) -> str:
    """Return the token of the link with which a person leaves the list."""
    return keyring.link_token(purpose=LINK, ref=entry.ref, generation=0)


def find_entry(token: str) -> WaitingEntry | None:
    """Return the entry of a link token; None when it is erased, unknown or of another tenant."""
    return _with_rows().filter(link_hash=keyring.token_hash(token)).first()


def read_entry(key: int) -> WaitingEntry | None:
    """Return an entry with its rows, or None when it is erased."""
    return _with_rows().filter(pk=key).first()


def of_appointment(appointment: Appointment) -> WaitingEntry | None:
    """Return the entry that waits for an earlier slot than this appointment, or None."""
    return _with_rows().filter(appointment=appointment).first()


def entry_of(offer: Offer) -> WaitingEntry | None:
    """Return the entry of an offer, or None when it is erased."""
    return read_entry(offer.entry_id or 0)


def erase_at_for(*, joined_at: datetime, gives_back: Appointment | None) -> datetime:
    """Return when an entry is erased: after 30 days or at the start of its appointment (design section 5)."""
    at = erasure.erase_at(
        case=erasure.Case.WAITING,
        booked_at=joined_at,
        ends_at=joined_at,
        retention_days=current_practice().retention_days,
    )
    return at if gives_back is None else max(joined_at, min(at, gives_back.starts_at))


def _enter(  # one argument for each column of the entry
    wish: Wish,
    person: Person,
    indexes: contacts.Indexes,
    form_ref: uuid.UUID,
    origin: WaitingEntry.EntryOrigin,
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


def _same_entry(theirs: Sequence[WaitingEntry], wish: Wish, person: Person) -> WaitingEntry | None:
    """Return the same entry of the same person, compared by name because a family may share one address."""
    if len(theirs) >= PER_PERSON:
        return theirs[0]
    known = waiting_contacts.open_entries(theirs)
    for entry in theirs:
        is_same = (entry.appointment_type_id, entry.location_id) == (
            wish.appointment_type.pk,
            wish.location.pk,
        )
        if is_same and entry.pk in known and _name_key(known[entry.pk]) == _name_key(person):
            return entry
    return None


def _name_key(person: Person) -> tuple[str, str, str]:
    names = (person.first_name, person.last_name, person.relative)
    first, last, relative = (" ".join(name.split()).casefold() for name in names)
    return first, last, relative


def _end_offers(
    entries: Sequence[WaitingEntry], *, state: Offer.OfferState, actor: str, now: datetime
) -> list[Offer]:
    """End the open offers of entries, under the locks of the agendas and then of the list; return them."""
    keys = [entry.pk for entry in entries]
    found = Offer.objects.filter(entry__in=keys, state=Offer.OfferState.OFFERED)
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
    offers = _end_offers(entries, state=Offer.OfferState.WITHDRAWN, actor=audit.SYSTEM, now=now)
    # Read again under the lock: another job or the person may have erased some of them.
    fresh = WaitingEntry.objects.select_related("data_key").filter(
        pk__in=[entry.pk for entry in entries]
    )
    gone = list(fresh.select_for_update(of=("self",)))
    _pass_on(offers, now=now)
    waiting_contacts.erase(gone, rule=rule, now=now)
    return len(entries)
