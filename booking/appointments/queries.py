"""Queries for single appointments."""

from uuid import UUID

from booking.models import Appointment


def find_appointment(ref: UUID) -> Appointment | None:
    """Return the appointment of a ref with its related rows and the key of its contact; None for a slot hold."""
    return (
        Appointment.objects.select_related(
            "practitioner", "location", "appointment_type", "contact__data_key"
        )
        .exclude(status=Appointment.Status.HELD)
        .filter(ref=ref)
        .first()
    )
