"""The rows of an agenda: appointments with the persons that are not erased, decrypted together."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking.messages.outcomes import outcome_of
from booking.models import Absence, Appointment
from booking.patients.contacts import open_contacts
from booking.patients.form_versions import address_keys
from booking.rules import kinds
from booking.rules.persons import Person
from tenants.outbox.models import OutboxEntry

SHOWN = (Appointment.Status.BOOKED, Appointment.Status.FULFILLED, Appointment.Status.NOSHOW)


@dataclass(frozen=True)
class Row:
    """One appointment of a list. ``person`` is None once erased, or when staff booked without a name."""

    appointment: Appointment
    person: Person | None
    reminder: OutboxEntry | None
    lacks_address: bool = False
    """Whether this is a home visit to come whose address is still to be asked for (B-14)."""

    @property
    def is_reached(self) -> bool:
        """False when the reminder was due and was not delivered."""
        return self.reminder is None or not outcome_of(self.reminder).is_missed

    @property
    def can_be_notified(self) -> bool:
        """Whether the person has an address and has not asked to be erased."""
        if self.person is None or self.has_requested_erasure:
            return False
        return bool(self.person.email or self.person.phone)

    @property
    def has_requested_erasure(self) -> bool:
        """Whether the person has asked to be erased; no message is sent after that."""
        contact = getattr(self.appointment, "contact", None)
        return contact is not None and contact.erasure_requested_at is not None

    def can_be_named(self, *, now: datetime) -> bool:
        """Return whether a visit to come was booked without a person, whose data may be added."""
        appointment = self.appointment
        is_nameless = not hasattr(appointment, "contact") and appointment.erased_at is None
        is_expected = appointment.status == Appointment.Status.BOOKED and appointment.ends_at > now
        return is_nameless and is_expected

    @property
    def name(self) -> str:
        """The name to show, else phone or e-mail, else ""."""
        if self.person is None:
            return ""
        return self.person.full_name or self.person.phone or self.person.email


def rows_between(
    *, practitioner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> list[Row]:
    """Return the appointments that start in [starts_at, ends_at), in order: two queries and one decryption."""
    appointments = list(
        Appointment.objects.select_related(
            "appointment_type", "location", "practitioner", "contact__data_key"
        )
        .filter(
            practitioner__in=practitioner_ids,
            status__in=SHOWN,
            starts_at__gte=starts_at,
            starts_at__lt=ends_at,
        )
        .order_by("starts_at", "practitioner__position", "id")
    )
    return _with_persons(appointments, reminders=latest_reminders(appointments))


def row_of(appointment: Appointment) -> Row:
    """Return the row of one appointment."""
    return _with_persons([appointment], reminders=latest_reminders([appointment]))[0]


def _with_persons(
    appointments: list[Appointment], *, reminders: Mapping[tuple[int, int], OutboxEntry]
) -> list[Row]:
    contacts = [
        appointment.contact for appointment in appointments if hasattr(appointment, "contact")
    ]
    persons = open_contacts(contacts) if contacts else {}
    asks = any(appointment.location.is_home for appointment in appointments)
    keys = address_keys() if asks else frozenset[str]()
    return [
        Row(
            appointment,
            persons.get(appointment.pk),
            reminders.get((appointment.pk, appointment.sequence)),
            _lacks_address(appointment, persons.get(appointment.pk), keys),
        )
        for appointment in appointments
    ]


def _lacks_address(appointment: Appointment, person: Person | None, keys: Collection[str]) -> bool:
    """Return whether no address is known; one that was erased is not missing: the calendar may hold it."""
    if not keys or not appointment.location.is_home or appointment.erased_at is not None:
        return False
    is_expected = appointment.status == Appointment.Status.BOOKED
    return is_expected and not (person and any(person.extras.get(key) for key in keys))


def latest_reminders(
    appointments: Iterable[Appointment],
) -> dict[tuple[int, int], OutboxEntry]:
    """Return the last reminder of each version of these appointments, by (primary key, sequence)."""
    ids = [appointment.pk for appointment in appointments]
    if not ids:
        return {}
    # The newest last: it replaces the outcome of a reminder that was sent before.
    entries = OutboxEntry.objects.filter(kind=kinds.REMINDER, subject_id__in=ids).order_by("id")
    return {
        (entry.subject_id, kinds.REMINDER.read(entry.payload).sequence): entry for entry in entries
    }


def rows_of(*, refs: Collection[UUID], practitioner_ids: Collection[int]) -> list[Row]:
    """Return the appointments of these refs in these agendas, cancelled ones too, unordered, without reminders."""
    appointments = (
        Appointment.objects.select_related(
            "appointment_type", "location", "practitioner", "contact__data_key"
        )
        .filter(ref__in=refs, practitioner__in=practitioner_ids)
        .exclude(status=Appointment.Status.HELD)
    )
    return _with_persons(list(appointments), reminders={})


def absences_between(
    *, practitioner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> list[Absence]:
    """Return the absences that overlap [starts_at, ends_at), those of the whole practice included."""
    touching = Absence.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)
    return [
        absence
        for absence in touching
        if absence.practitioner_id is None or absence.practitioner_id in practitioner_ids
    ]
