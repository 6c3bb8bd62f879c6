"""Who did what: the acts of one member, the last ones first, as lines without a person in them."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from booking.acts import said_of
from booking.models import Appointment
from tenants.accounts.models import User
from tenants.trail.models import Act
from tenants.trail.services import actor_of


@dataclass(frozen=True)
class Line:
    """One act; ``appointment`` is what it bears on, when that is one and the reader may see it."""

    at: datetime
    said: str
    appointment: Appointment | None


def acts_of(user: User) -> QuerySet[Act]:
    """Return the acts of somebody, the last ones first."""
    return Act.objects.filter(actor=actor_of(user.pk)).order_by("-id")


def lines(acts: Sequence[Act], *, seen: Iterable[uuid.UUID]) -> list[Line]:
    """Return acts as lines, in one query; ``seen`` are the agendas that the reader sees."""
    found = (
        Appointment.objects.filter(
            ref__in={act.ref for act in acts}, practitioner__ref__in=set(seen)
        )
        .exclude(status=Appointment.Status.HELD)
        .only("ref")
    )
    known = {held.ref: held for held in found}
    return [Line(at=act.at, said=said_of(act.verb), appointment=known.get(act.ref)) for act in acts]
