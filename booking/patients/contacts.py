"""The PatientContact of an appointment: sealed, opened, corrected and erased under a data key of its own."""

import hashlib
import secrets
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from booking.calendar_sync import calendar_entries
from booking.erasure import deadlines
from booking.models import Appointment, PatientContact
from booking.rules import kinds
from booking.rules.errors import ChangedMeanwhile
from booking.rules.persons import Person
from booking.scheduling.catalogue import current_practice
from tenants import erasure_ledger
from tenants.audit import receipts
from tenants.audit import services as audit
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.outbox.services import Due, cancel_pending, is_limited, subject_of, write
from tenants.schema import current_schema
from tenants.typed_text import comparable_email, email_spellings

TABLE = PatientContact._meta.db_table
_StoredIndex = bytes | memoryview | None
FIELDS = ",".join(PatientContact.personal_data.personal)
EMAIL_INDEX = "contact.email"
PHONE_INDEX = "contact.phone"
DUE = "B-21 due"
RESTORED = "S-27 restored"
ERASED_AT_ONCE = 500
_SEALED = attrgetter("data_key", "sealed", "ref")


@dataclass(frozen=True)
class Indexes:
    """Blind indexes of a person under the key of this tenant; None when the person did not give the value."""

    email: bytes | None
    phone: bytes | None


def indexes_of(person: Person) -> Indexes:
    """Return the blind indexes of a person's e-mail address and phone number."""
    return Indexes(
        email=keyring.blind_index(purpose=EMAIL_INDEX, value=comparable_email(person.email))
        if person.email
        else None,
        phone=keyring.blind_index(purpose=PHONE_INDEX, value=person.phone)
        if person.phone
        else None,
    )


def recipient_of(*, email: _StoredIndex, phone: _StoredIndex) -> str:
    """Return the recipient of messages to a person, as a delivery names it, from the blind indexes."""
    index = email or phone
    return bytes(index).hex() if index else ""


def recipient_of_appointment(appointment: Appointment) -> str:
    """Return the recipient of the messages about an appointment, "" once its person is erased; one query."""
    known = PatientContact.objects.filter(appointment=appointment)
    email, phone = known.values_list("email_index", "phone_index").first() or (None, None)
    return recipient_of(email=email, phone=phone)


def _recipient_of_person(person: Person) -> str:
    indexes = indexes_of(person)
    return recipient_of(email=indexes.email, phone=indexes.phone)


def practitioner_recipient(appointment: Appointment) -> str:
    """Return the recipient of messages to the practitioner of an appointment, as a delivery names it."""
    return f"practitioner.{appointment.practitioner_id}"


def indexes_of_spellings(email: str) -> list[bytes]:
    """Return the blind indexes by which an address may have been stored, also before one spelling was the rule.

    There are always three, so that the time of a search does not depend on the address.
    """
    return [keyring.blind_index(purpose=EMAIL_INDEX, value=each) for each in email_spellings(email)]


def store(  # one argument per column
    *,
    appointment: Appointment,
    person: Person,
    indexes: Indexes,
    retention_days: int,
    erase_at: datetime,
    now: datetime,
) -> PatientContact:
    """Seal the person under a new data key and insert the contact with the announced retention in days."""
    contact = PatientContact(
        appointment=appointment,
        data_key=keyring.new_key(now=now),
        email_index=indexes.email,
        phone_index=indexes.phone,
        booked_at=appointment.booked_at or now,
        retention_days=retention_days,
        erase_at=erase_at,
    )
    _seal(contact, person)
    contact.save(force_insert=True)
    return contact


def open_contact(contact: PatientContact) -> Person | None:
    """Return the person, or None when the key is destroyed or the bytes were sealed for another row."""
    try:
        opened = keyring.open_sealed(
            key=contact.data_key, sealed=contact.sealed, table=TABLE, ref=contact.ref
        )
    except (KeyDestroyedError, UnreadableError):
        return None
    return Person.from_bytes(opened)


def open_contacts(contacts: Sequence[PatientContact]) -> dict[int, Person]:
    """Return the persons by key of the appointment; contacts that cannot be opened are left out.

    Needs ``select_related("data_key")``.
    """
    opened = keyring.open_many(table=TABLE, rows=map(_SEALED, contacts))
    read = Person.from_bytes
    return {
        # Bypasses Django's descriptor, which for a thousand rows takes as long as the decryption.
        contact.__dict__["appointment_id"]: read(data)
        for contact, data in zip(contacts, opened, strict=True)
        if data is not None
    }


def contact_of(appointment: Appointment) -> PatientContact | None:
    """Return the contact of an appointment with its data key, or None when the person is erased."""
    return PatientContact.objects.select_related("data_key").filter(appointment=appointment).first()


def version_of(contact: PatientContact) -> str:
    """Return a digest of the sealed bytes: it changes at each sealing and reveals nothing about the person."""
    return hashlib.sha256(bytes(contact.sealed)).hexdigest()[:16]


def correct(  # noqa: PLR0913  # one argument for each field of the form
    *,
    appointment: Appointment,
    phone: str | None,
    email: str | None,
    first_name: str | None = None,
    last_name: str | None = None,
    relative: str | None = None,
    answers: Mapping[str, str] | None = None,
    seen: str = "",
    actor: str,
    now: datetime,
) -> Person | None:
    """Replace names, phone, e-mail or relative (None: keep) and notify the old address, without the new one.

    ``answers`` replaces the answers of its keys, "" removes one; the others stay. ``seen`` is the version that
    the form showed; raises ChangedMeanwhile when the contact has another one now. Returns the corrected person, or
    None when the person is erased.
    """
    contact = (
        PatientContact.objects.select_related("data_key")
        .select_for_update(of=("self",))
        .filter(appointment=appointment)
        .first()
    )
    person = open_contact(contact) if contact else None
    if contact is None or person is None:
        return None
    if seen and seen != version_of(contact):
        raise ChangedMeanwhile
    corrected = replace(
        person,
        first_name=person.first_name if first_name is None else first_name,
        last_name=person.last_name if last_name is None else last_name,
        phone=person.phone if phone is None else phone,
        email=person.email if email is None else email,
        relative=person.relative if relative is None else relative,
        extras={
            key: answer for key, answer in {**person.extras, **(answers or {})}.items() if answer
        },
    )
    if corrected == person:
        return person
    if person.email and person.email != corrected.email:
        # The old address stays sealed until its message is sent; the worker then deletes it. A second correction
        # may come before that, so each message contains the position of its address in the list.
        previous = person.previous_emails
        message = Due(
            kinds.CONTACT_CORRECTED,
            subject_of(appointment),
            kinds.ReplacedAddress(len(previous)),
            now,
            repeat=secrets.token_hex(6),
            recipient=_recipient_of_person(person),
        )
        if not is_limited(write(due=[message], now=now)):
            corrected = replace(corrected, previous_email=" ".join((*previous, person.email)))
    if corrected.email and person.email != corrected.email:
        _confirm_to_new_address(appointment, corrected, now=now)
    indexes = indexes_of(corrected)
    _seal(contact, corrected)
    contact.email_index, contact.phone_index = indexes.email, indexes.phone
    contact.save(update_fields=["sealed", "email_index", "phone_index"])
    write(
        due=calendar_entries.schedule_push(appointment=appointment, now=now, is_news=False).due,
        now=now,
    )
    deadlines.recompute(appointment=appointment, now=now)
    audit.record(verb="contact.corrected", ref=appointment.ref, actor=actor, now=now)
    return corrected


def add(*, appointment: Appointment, person: Person, actor: str, now: datetime) -> None:
    """Store the person of an appointment that staff booked without one, and send the confirmation.

    Raises ChangedMeanwhile when the appointment has a person by now, was erased, cancelled or is over.
    """
    fresh = Appointment.objects.select_for_update(of=("self",)).get(pk=appointment.pk)
    is_open = fresh.status == Appointment.Status.BOOKED and fresh.ends_at > now
    if not is_open or fresh.erased_at is not None or contact_of(fresh) is not None:
        raise ChangedMeanwhile
    if person.is_empty:
        return
    retention_days = current_practice().retention_days
    indexes = indexes_of(person)
    calendar = calendar_entries.schedule_push(appointment=fresh, now=now, is_news=False)
    erase_at = deadlines.erase_at_for(
        appointment=fresh,
        retention_days=retention_days,
        sync_state=calendar.sync_state,
        has_phone=indexes.phone is not None,
    )
    store(
        appointment=fresh,
        person=person,
        indexes=indexes,
        retention_days=retention_days,
        erase_at=erase_at,
        now=now,
    )
    write(due=calendar.due, now=now)
    if person.email or person.phone:
        _confirm_to_new_address(fresh, person, now=now)
    audit.record(verb="contact.corrected", ref=fresh.ref, actor=actor, now=now)


def _confirm_to_new_address(appointment: Appointment, person: Person, *, now: datetime) -> None:
    """Send the confirmation with its link to a corrected address: the first one went to the wrong one."""
    if appointment.is_cancelled or appointment.starts_at <= now:
        return
    confirmation = Due(
        kinds.CONFIRMATION,
        subject_of(appointment),
        kinds.AppointmentVersion(appointment.sequence),
        now,
        repeat=secrets.token_hex(6),
        recipient=_recipient_of_person(person),
    )
    write(due=[confirmation], now=now)


def erase_previous_email(*, contact: PatientContact) -> None:
    """Delete the previous addresses from the sealed person, after their messages about the correction."""
    person = open_contact(contact)
    if person is None:
        return
    _seal(contact, replace(person, previous_email=""))
    contact.save(update_fields=["sealed"])


def stop_reminders(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Cancel the reminder of an appointment (B-44); the person is then kept until the end of the appointment."""
    if not appointment.has_reminder:
        return
    appointment.has_reminder = False
    appointment.save(update_fields=["has_reminder"])
    cancel_pending(subject_ids=[appointment.pk], kinds=[kinds.REMINDER], reason="stopped", now=now)
    deadlines.recompute(appointment=appointment, now=now)
    audit.record(verb="reminder.stopped", ref=appointment.ref, actor=actor, now=now)


def erase(*, contact: PatientContact, rule: str, now: datetime) -> receipts.Receipt:
    """Erase a person: ledger line, key destroyed, row deleted, pending messages cancelled, receipt."""
    contact.appointment.erased_at = now
    return _erase([contact], rule=rule, now=now)[0]


def erase_if_due(*, appointment: Appointment, rule: str = DUE, now: datetime) -> None:
    """Erase the person of an appointment when ``erase_at`` has come (B-21), in the job that brought it forward."""
    contact = contact_of(appointment)
    if contact is not None and contact.erase_at <= now:
        erase(contact=contact, rule=rule, now=now)


def erase_due(*, now: datetime, limit: int = ERASED_AT_ONCE) -> int:
    """Erase the persons whose ``erase_at`` has come, oldest first; return their number, 0 when none is left.

    Rows locked by another process are skipped, so that two concurrent jobs share the work.
    """
    due = (
        PatientContact.objects.select_related("data_key", "appointment")
        .filter(erase_at__lte=now)
        .order_by("erase_at", "pk")
        .select_for_update(of=("appointment", "self"), skip_locked=True)
    )
    return len(_erase(list(due[:limit]), rule=DUE, now=now))


def erase_again(*, hashes: Container[str], now: datetime) -> int:
    """Erase the persons whose hash is in the erasure ledger: a restored backup contains them again."""
    schema = current_schema()
    back = [
        contact
        for contact in PatientContact.objects.select_related("data_key", "appointment")
        if erasure_ledger.ref_hash(schema=schema, table=TABLE, ref=contact.ref) in hashes
    ]
    for start in range(0, len(back), ERASED_AT_ONCE):
        _erase(back[start : start + ERASED_AT_ONCE], rule=RESTORED, now=now)
    return len(back)


def _erase(
    contacts: Sequence[PatientContact], *, rule: str, now: datetime
) -> list[receipts.Receipt]:
    """Erase persons; the number of statements does not depend on the number of persons.

    The ledger lines are written and synced before this transaction commits. A line without a commit does no harm:
    replaying it erases a person who was due. The receipts come last, because their chain has one writer at a time.
    """
    if not contacts:
        return []
    erasure_ledger.append_many(table=TABLE, refs=[contact.ref for contact in contacts], now=now)
    fingerprints = keyring.destroy_many(keys=[contact.data_key for contact in contacts])
    PatientContact.objects.filter(pk__in=[contact.pk for contact in contacts]).delete()
    appointments = [contact.appointment_id for contact in contacts]
    cancel_pending(subject_ids=appointments, kinds=kinds.TO_PATIENT, reason="erased", now=now)
    Appointment.objects.filter(pk__in=appointments).update(erased_at=now)
    return receipts.write_many(
        subjects=[
            (contact.appointment.ref, fingerprint.hex())
            for contact, fingerprint in zip(contacts, fingerprints, strict=True)
        ],
        kind=TABLE,
        rule=rule,
        fields=FIELDS,
        now=now,
    )


def _seal(contact: PatientContact, person: Person) -> None:
    if contact.data_key is None:
        raise KeyDestroyedError
    contact.sealed = keyring.seal(
        key=contact.data_key, data=person.to_bytes(), table=TABLE, ref=contact.ref
    )
