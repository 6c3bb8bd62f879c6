"""Saves the places of a practice and finds the used ones. Order, archive and deletion: ``ordered_rows``."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from booking.models import Appointment, Location
from booking.practice.ordered_rows import next_position
from tenants.audit import services as audit


def save_place(
    *, place: Location | None, values: Mapping[str, Any], actor: str, now: datetime
) -> Location:
    """Create or change a place."""
    if place is None:
        place = Location(position=next_position(Location))
    for name, value in values.items():
        setattr(place, name, value)
    place.save()
    audit.record(verb="place.saved", ref=place.ref, actor=actor, now=now)
    return place


def used_places(places: Collection[Location]) -> set[int]:
    """Return the keys of the places that have an appointment."""
    appointments = Appointment.objects.filter(location__in=places).order_by()
    return set(appointments.values_list("location", flat=True).distinct())
