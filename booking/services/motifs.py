"""What can be booked: motifs and places, with all their rules. Nothing that was used is deleted."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max, Model, ProtectedError

from booking.beginnings import MotifTemplate
from booking.errors import BookingError
from booking.models import (
    Appointment,
    AppointmentType,
    DailyCount,
    Location,
    OpeningHours,
    Practitioner,
)
from booking.services import calendar_entries
from tenants.trail import services as trail


class StillUsed(BookingError):  # named after what happened
    """An appointment was made for it: archive it instead."""


def save_motif(
    *,
    motif: AppointmentType | None,
    values: Mapping[str, Any],
    practitioners: Collection[Practitioner],
    locations: Collection[Location],
    actor: str,
    now: datetime,
) -> AppointmentType:
    """Create or change a motif; appointments already booked keep the times they were given.

    Their events in a calendar outside follow its name and its colour.
    """
    if motif is None:
        motif = AppointmentType(position=_after_last(AppointmentType))
    before = (motif.label, motif.colour)
    for name, value in values.items():
        setattr(motif, name, value)
    is_new = motif.pk is None
    motif.save()
    if not is_new and (motif.label, motif.colour) != before:
        calendar_entries.push_motif(motif=motif, now=now)
    motif.practitioners.set(practitioners)
    motif.locations.set(locations)
    trail.record(verb="motif.saved", ref=motif.ref, actor=actor, now=now)
    return motif


def add_from_templates(
    *,
    chosen: Collection[MotifTemplate],
    practitioners: Collection[Practitioner],
    actor: str,
    now: datetime,
) -> list[AppointmentType]:
    """Create motifs from templates, for these practitioners, at every place of the template's kind."""
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
        motif = save_motif(
            motif=None,
            values=values,
            practitioners=practitioners,
            locations=Location.objects.filter(is_active=True, kind=template.place),
            actor=actor,
            now=now,
        )
        made.append(motif)
    return made


def order_motifs(*, refs: Sequence[uuid.UUID], actor: str, now: datetime) -> None:
    """Put these active motifs in this order; those that are not named keep their place."""
    rows = list(AppointmentType.objects.filter(is_active=True))
    if _reorder(AppointmentType, rows, refs):
        trail.record(verb="motif.moved", ref=rows[0].ref, actor=actor, now=now)


def order_places(*, refs: Sequence[uuid.UUID], actor: str, now: datetime) -> None:
    """Put these active places in this order; those that are not named keep their place."""
    rows = list(Location.objects.filter(is_active=True))
    if _reorder(Location, rows, refs):
        trail.record(verb="place.moved", ref=rows[0].ref, actor=actor, now=now)


def _reorder(
    model: type[AppointmentType] | type[Location], rows: list[Any], refs: Sequence[uuid.UUID]
) -> bool:
    rank = {ref: index for index, ref in enumerate(refs)}
    # Only the places that the named rows hold are dealt out again: the others stay where they are.
    held = [index for index, row in enumerate(rows) if row.ref in rank]
    named = sorted((rows[index] for index in held), key=lambda row: rank[row.ref])
    if [rows[index].pk for index in held] == [row.pk for row in named]:
        return False
    for index, row in zip(held, named, strict=True):
        rows[index] = row
    for position, row in enumerate(rows):
        row.position = position
    model.objects.bulk_update(rows, ["position"])
    return True


def move_motif(*, motif: AppointmentType, up: bool, actor: str, now: datetime) -> None:
    """Exchange a motif with its neighbour in the order that patients see."""
    order = list(AppointmentType.objects.filter(is_active=True))
    order_motifs(refs=_exchanged(order, motif, up=up), actor=actor, now=now)


def move_place(*, place: Location, up: bool, actor: str, now: datetime) -> None:
    """Exchange a place with its neighbour."""
    order = list(Location.objects.filter(is_active=True))
    order_places(refs=_exchanged(order, place, up=up), actor=actor, now=now)


def _exchanged(order: Sequence[Any], one: Model, *, up: bool) -> list[uuid.UUID]:
    refs = [row.ref for row in order]
    here = next((index for index, row in enumerate(order) if row.pk == one.pk), None)
    there = here if here is None else here - 1 if up else here + 1
    if here is not None and there is not None and 0 <= there < len(refs):
        refs[here], refs[there] = refs[there], refs[here]
    return refs


def set_motif_active(*, motif: AppointmentType, is_active: bool, actor: str, now: datetime) -> None:
    """Archive a motif, or take it back: it leaves the patients' page, its appointments stay."""
    motif.is_active = is_active
    motif.save(update_fields=["is_active"])
    verb = "motif.restored" if is_active else "motif.archived"
    trail.record(verb=verb, ref=motif.ref, actor=actor, now=now)


def used_motifs(motifs: Collection[AppointmentType]) -> set[int]:
    """Return the keys of those for which an appointment, even one long past, was ever made."""
    return {
        key
        for model in (Appointment, DailyCount)
        for key in model.objects.filter(appointment_type__in=motifs)
        .order_by()
        .values_list("appointment_type", flat=True)
        .distinct()
    }


def used_places(places: Collection[Location]) -> set[int]:
    """Return the keys of those that hold an appointment."""
    held = Appointment.objects.filter(location__in=places).order_by()
    return set(held.values_list("location", flat=True).distinct())


def delete_motif(*, motif: AppointmentType, actor: str, now: datetime) -> None:
    """Delete a motif that never served. Raises StillUsed: then it can be archived."""
    ref = motif.ref
    kept = OpeningHours.objects.filter(appointment_types=motif).prefetch_related(
        "appointment_types"
    )
    # Without their only motif these hours would open to all of them.
    for_it_alone = [row.pk for row in kept if len(row.appointment_types.all()) == 1]
    _delete(motif)
    OpeningHours.objects.filter(pk__in=for_it_alone).delete()
    trail.record(verb="motif.deleted", ref=ref, actor=actor, now=now)


def delete_place(*, place: Location, actor: str, now: datetime) -> None:
    """Delete a place that holds no appointment, with its hours. Raises StillUsed."""
    ref = place.ref
    _delete(place)
    trail.record(verb="place.deleted", ref=ref, actor=actor, now=now)


def _delete(row: AppointmentType | Location) -> None:
    try:
        row.delete()
    except ProtectedError:
        raise StillUsed from None


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
