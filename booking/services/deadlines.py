"""From an appointment's state to its instants: the reminder's, and the erasure's."""

from datetime import datetime
from zoneinfo import ZoneInfo

from booking import erasure, kinds
from booking.models import Appointment, PatientContact, Practice
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due


def practice() -> Practice:
    """Return the practice of this schema."""
    return Practice.objects.get()


def reminder_at(
    *, appointment: Appointment, settings: Practice, booked_at: datetime
) -> datetime | None:
    """Return when the reminder is due: the local day before, at the practice's hour (B-40, B-18).

    None when that instant lies before ``booked_at``: the confirmation counts as the reminder (B-23).
    """
    return erasure.reminder_due(
        starts_at=appointment.starts_at,
        zone=ZoneInfo(appointment.location.time_zone),
        reminder_minute=settings.reminder_minute,
        booked_at=booked_at,
    )


def reminder_entry(*, appointment: Appointment, settings: Practice, now: datetime) -> Due | None:
    """Return the outbox entry of the reminder, or None when none is due for this appointment."""
    zone = ZoneInfo(appointment.location.time_zone)
    due_at = reminder_at(appointment=appointment, settings=settings, booked_at=now)
    if due_at is None or not appointment.has_reminder:
        return None
    return Due(
        kinds.REMINDER,
        appointment.pk,
        due_at=due_at,
        version=appointment.sequence,
        expires_at=erasure.reminder_expires_at(due_at=due_at, zone=zone),
    )


def erase_at_for(
    *, appointment: Appointment, settings: Practice, is_erased_by_person: bool = False
) -> datetime:
    """Return when the person of an appointment is erased, by the table of design section 5.

    No calendar is connected in this house yet, so the anchor of a visit is its end.
    """
    assert appointment.booked_at is not None  # noqa: S101  # a CHECK of the table
    facts = erasure.Facts(
        is_cancelled=appointment.is_cancelled, is_erased_by_person=is_erased_by_person
    )
    return erasure.erase_at(
        case=erasure.case_of(facts),
        ends_at=appointment.ends_at,
        booked_at=appointment.booked_at,
        retention_days=settings.retention_days,
        since=appointment.cancelled_at,
    )


def recompute(*, appointment: Appointment, is_erased_by_person: bool = False) -> None:
    """Compute ``erase_at`` again after a change and store it with the contact, if there is one."""
    erase_at = erase_at_for(
        appointment=appointment, settings=practice(), is_erased_by_person=is_erased_by_person
    )
    PatientContact.objects.filter(appointment=appointment).update(erase_at=erase_at)


def has_reminder_gone(appointment: Appointment) -> bool:
    """Return whether the reminder of the appointment as it stands has been handed over."""
    return OutboxEntry.objects.filter(
        kind=kinds.REMINDER,
        object_id=appointment.pk,
        version=appointment.sequence,
        state=OutboxEntry.State.SENT,
    ).exists()
