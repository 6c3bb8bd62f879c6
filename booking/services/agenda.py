"""Reading an agenda: rows with the persons that are still there, opened in one pass."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking import kinds
from booking.models import Absence, Appointment
from booking.persons import Person
from booking.services.contacts import open_contacts
from tenants.outbox.models import OutboxEntry

SHOWN = (Appointment.Status.BOOKED, Appointment.Status.FULFILLED, Appointment.Status.NOSHOW)
SILENT_REASONS = frozenset({"moved", "cancelled", "erased", "person", "stopped"})
"""Why a reminder is not sent without anybody being at fault."""


@dataclass(frozen=True)
class Row:
    """One appointment of a list. ``person`` is None once erased, or when nothing was given."""

    appointment: Appointment
    person: Person | None
    reminder: OutboxEntry | None

    @property
    def is_reached(self) -> bool:
        """False when a reminder was due and did not go."""
        if self.reminder is None:
            return True
        missed = {OutboxEntry.State.NO_CHANNEL, OutboxEntry.State.FAILED, OutboxEntry.State.DROPPED}
        return self.reminder.state not in missed or self.reminder.reason in SILENT_REASONS

    @property
    def can_be_told(self) -> bool:
        """Whether there is somebody to write to, and where; who asked to be erased is not written to."""
        if self.person is None or self.wants_silence:
            return False
        return bool(self.person.email or self.person.phone)

    @property
    def wants_silence(self) -> bool:
        """Whether the person has asked to be erased: from then on nothing more is sent."""
        contact = getattr(self.appointment, "contact", None)
        return contact is not None and contact.erasure_asked_at is not None

    @property
    def name(self) -> str:
        """The name to show, or nothing: a row without a name is a state of every list."""
        if self.person is None:
            return ""
        return self.person.full_name or self.person.phone or self.person.email


def rows_between(
    *, practitioner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> list[Row]:
    """Return the appointments that start in [starts_at, ends_at), in order; two queries and one key."""
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
    return _with_persons(appointments, reminders=_reminders(appointments))


def row_of(appointment: Appointment) -> Row:
    """Return the row of one appointment."""
    return _with_persons([appointment], reminders=_reminders([appointment]))[0]


def _with_persons(
    appointments: list[Appointment], *, reminders: Mapping[tuple[int, int], OutboxEntry]
) -> list[Row]:
    contacts = [held.contact for held in appointments if hasattr(held, "contact")]
    persons = open_contacts(contacts) if contacts else {}
    return [
        Row(held, persons.get(held.pk), reminders.get((held.pk, held.sequence)))
        for held in appointments
    ]


def _reminders(appointments: Iterable[Appointment]) -> dict[tuple[int, int], OutboxEntry]:
    ids = [held.pk for held in appointments]
    if not ids:
        return {}
    # The newest last: a reminder that was sent again counts as it ended then.
    entries = OutboxEntry.objects.filter(kind=kinds.REMINDER, object_id__in=ids).order_by("id")
    return {(entry.object_id or 0, entry.version): entry for entry in entries}


def rows_of(*, refs: Collection[UUID], practitioner_ids: Collection[int]) -> list[Row]:
    """Return the appointments of these references in these agendas, cancelled ones too, without order.

    Reminders are not read: what is listed so is not asked whether it was reached.
    """
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
    """Return the absences that touch [starts_at, ends_at), the whole practice's included."""
    touching = Absence.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)
    return [
        absence
        for absence in touching
        if absence.practitioner_id is None or absence.practitioner_id in practitioner_ids
    ]
