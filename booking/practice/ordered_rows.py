"""The list operations that appointment types, locations and agendas share: order, archive, restore, delete.

Rows are ordered by ``position``, as patients see them. Each change records an audit event of its row.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max, ProtectedError, QuerySet

from booking.models import AppointmentType, Location, Practitioner
from booking.rules.errors import BookingError
from tenants.audit import services as audit

OrderedRow = AppointmentType | Location | Practitioner
OrderedModel = type[AppointmentType] | type[Location] | type[Practitioner]


class StillUsed(BookingError):  # named after what happened
    """The row has appointments: it can be archived, not deleted."""


def active_rows(model: OrderedModel) -> list[Any]:
    """Return the active rows in their order."""
    return list(model.objects.filter(is_active=True))


def archived_last(model: OrderedModel) -> QuerySet[Any]:
    """Return all rows in their order, the archived ones last."""
    return model.objects.order_by("-is_active", "position", "id")


def next_position(model: OrderedModel) -> int:
    """Return the position after the last row."""
    last = model.objects.aggregate(last=Max("position"))["last"]
    return 0 if last is None else int(last) + 1


def order_rows(
    model: OrderedModel, *, refs: Sequence[uuid.UUID], actor: str, now: datetime
) -> None:
    """Put the active rows with these refs in this order; the other rows keep their positions."""
    rows = active_rows(model)
    rank = {ref: index for index, ref in enumerate(refs)}
    # Only the indexes of the named rows are assigned again.
    places = [index for index, row in enumerate(rows) if row.ref in rank]
    named = sorted((rows[index] for index in places), key=lambda row: rank[row.ref])
    if [rows[index].pk for index in places] == [row.pk for row in named]:
        return
    for index, row in zip(places, named, strict=True):
        rows[index] = row
    for position, row in enumerate(rows):
        row.position = position
    model.objects.bulk_update(rows, ["position"])
    verb = {
        AppointmentType: "appointment_type.moved",
        Location: "place.moved",
        Practitioner: "agenda.moved",
    }[model]
    audit.record(verb=verb, ref=rows[0].ref, actor=actor, now=now)


def move_row(*, row: OrderedRow, up: bool, actor: str, now: datetime) -> None:
    """Exchange an active row with its neighbour; moving the first up or the last down changes nothing."""
    model = type(row)
    refs = [other.ref for other in active_rows(model)]
    if row.ref not in refs:
        return
    here = refs.index(row.ref)
    there = here - 1 if up else here + 1
    if 0 <= there < len(refs):
        refs[here], refs[there] = refs[there], refs[here]
        order_rows(model, refs=refs, actor=actor, now=now)


def set_active(*, row: OrderedRow, is_active: bool, actor: str, now: datetime) -> None:
    """Archive or restore a row; patients do not see an archived one, and its appointments stay."""
    row.is_active = is_active
    row.save(update_fields=["is_active"])
    if isinstance(row, AppointmentType):
        verb = "appointment_type.restored" if is_active else "appointment_type.archived"
    elif isinstance(row, Location):
        verb = "place.restored" if is_active else "place.archived"
    else:
        verb = "agenda.restored" if is_active else "agenda.archived"
    audit.record(verb=verb, ref=row.ref, actor=actor, now=now)


def delete_row(*, row: AppointmentType | Location, actor: str, now: datetime) -> None:
    """Delete a row that has no appointment. Raises StillUsed otherwise; it can be archived."""
    ref = row.ref
    try:
        row.delete()
    except ProtectedError:
        raise StillUsed from None
    verb = "appointment_type.deleted" if isinstance(row, AppointmentType) else "place.deleted"
    audit.record(verb=verb, ref=ref, actor=actor, now=now)
