"""The appointment types of a practice: saving, presets, deletion. A type with appointments is archived instead."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from booking.calendar_sync import calendar_entries
from booking.models import (
    Appointment,
    AppointmentType,
    DailyCount,
    Location,
    OpeningHours,
    Practitioner,
)
from booking.practice.ordered_rows import archived_last, delete_row, next_position
from booking.practice.presets import AppointmentTypePreset
from tenants.audit import services as audit


def save_appointment_type(
    *,
    appointment_type: AppointmentType | None,
    values: Mapping[str, Any],
    practitioners: Collection[Practitioner],
    locations: Collection[Location],
    actor: str,
    now: datetime,
) -> AppointmentType:
    """Create or change an appointment type; the times of booked appointments do not change.

    A new label or colour is pushed to the events of its appointments in Google Calendar.
    """
    if appointment_type is None:
        appointment_type = AppointmentType(position=next_position(AppointmentType))
    before = (appointment_type.label, appointment_type.colour)
    for name, value in values.items():
        setattr(appointment_type, name, value)
    is_new = appointment_type.pk is None
    appointment_type.save()
    if not is_new and (appointment_type.label, appointment_type.colour) != before:
        calendar_entries.push_appointment_type(appointment_type=appointment_type, now=now)
    appointment_type.practitioners.set(practitioners)
    appointment_type.locations.set(locations)
    audit.record(verb="appointment_type.saved", ref=appointment_type.ref, actor=actor, now=now)
    return appointment_type


def add_from_templates(
    *,
    chosen: Collection[AppointmentTypePreset],
    practitioners: Collection[Practitioner],
    actor: str,
    now: datetime,
) -> list[AppointmentType]:
    """Create appointment types from presets, for these practitioners, at each active place of that kind."""
    made = []
    for template in chosen:
        values = {
            "label": str(template.label),
            "duration_min": template.duration_min,
            "is_for_new_patients": template.is_for_new_patients,
            "buffer_before_min": template.buffer_before_min,
            "buffer_after_min": template.buffer_after_min,
            "min_notice_min": template.min_notice_min,
            "cancel_hours": template.cancel_hours,
        }
        appointment_type = save_appointment_type(
            appointment_type=None,
            values=values,
            practitioners=practitioners,
            locations=Location.objects.filter(is_active=True, kind=template.place),
            actor=actor,
            now=now,
        )
        made.append(appointment_type)
    return made


def all_appointment_types() -> QuerySet[AppointmentType]:
    """Return the appointment types in the order that patients see, the archived ones last."""
    return archived_last(AppointmentType).prefetch_related("practitioners", "locations")


def has_appointment_types() -> bool:
    """Return whether the practice has any appointment type, archived ones included."""
    return AppointmentType.objects.exists()


def used_appointment_types(appointment_types: Collection[AppointmentType]) -> set[int]:
    """Return the keys of the types with an Appointment or a DailyCount, which remains after their deletion."""
    return {
        key
        for model in (Appointment, DailyCount)
        for key in model.objects.filter(appointment_type__in=appointment_types)
        .order_by()
        .values_list("appointment_type", flat=True)
        .distinct()
    }


def delete_appointment_type(
    *, appointment_type: AppointmentType, actor: str, now: datetime
) -> None:
    """Delete an appointment type that has no appointment. Raises StillUsed otherwise; it can be archived."""
    kept = OpeningHours.objects.filter(appointment_types=appointment_type).prefetch_related(
        "appointment_types"
    )
    # Opening hours without any appointment type apply to all of them, so hours for this type only are deleted.
    for_it_alone = [row.pk for row in kept if len(row.appointment_types.all()) == 1]
    delete_row(row=appointment_type, actor=actor, now=now)
    OpeningHours.objects.filter(pk__in=for_it_alone).delete()
