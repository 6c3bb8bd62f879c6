"""What can be booked: motifs and places, with all their rules. Nothing that was used is deleted."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Max

from booking.models import AppointmentType, Location, Practitioner
from tenants.trail import services as trail


def save_motif(
    *,
    motif: AppointmentType | None,
    values: Mapping[str, Any],
    practitioners: Collection[Practitioner],
    locations: Collection[Location],
    actor: str,
    now: datetime,
) -> AppointmentType:
    """Create or change a motif; appointments already booked keep the times they were given."""
    if motif is None:
        motif = AppointmentType(position=_after_last(AppointmentType))
    for name, value in values.items():
        setattr(motif, name, value)
    motif.save()
    motif.practitioners.set(practitioners)
    motif.locations.set(locations)
    trail.record(verb="motif.saved", ref=motif.ref, actor=actor, now=now)
    return motif


def move_motif(*, motif: AppointmentType, up: bool, actor: str, now: datetime) -> None:
    """Exchange a motif with its neighbour in the order that patients see."""
    order = list(AppointmentType.objects.filter(is_active=True))
    here = next(index for index, one in enumerate(order) if one.pk == motif.pk)
    there = here - 1 if up else here + 1
    if 0 <= there < len(order):
        order[here], order[there] = order[there], order[here]
        for position, one in enumerate(order):
            one.position = position
        AppointmentType.objects.bulk_update(order, ["position"])
        trail.record(verb="motif.moved", ref=motif.ref, actor=actor, now=now)


def set_motif_active(*, motif: AppointmentType, is_active: bool, actor: str, now: datetime) -> None:
    """Archive a motif, or take it back: it leaves the patients' page, its appointments stay."""
    motif.is_active = is_active
    motif.save(update_fields=["is_active"])
    verb = "motif.restored" if is_active else "motif.archived"
    trail.record(verb=verb, ref=motif.ref, actor=actor, now=now)


def save_place(
    *, place: Location | None, values: Mapping[str, Any], actor: str, now: datetime
) -> Location:
    """Create or change a place."""
    if place is None:
        place = Location(position=_after_last(Location))
    for name, value in values.items():
        setattr(place, name, value)
    place.save()
    trail.record(verb="place.saved", ref=place.ref, actor=actor, now=now)
    return place


def set_place_active(*, place: Location, is_active: bool, actor: str, now: datetime) -> None:
    """Archive a place, or take it back."""
    place.is_active = is_active
    place.save(update_fields=["is_active"])
    verb = "place.restored" if is_active else "place.archived"
    trail.record(verb=verb, ref=place.ref, actor=actor, now=now)


def _after_last(model: type[AppointmentType] | type[Location]) -> int:
    last = model.objects.aggregate(last=Max("position"))["last"]
    return 0 if last is None else int(last) + 1
