"""An absence within the reach of the person of a request, and the appointments it touches."""

import uuid

from django.http import Http404
from django.shortcuts import get_object_or_404

from booking.agenda.rows import Row, row_of
from booking.models import Absence
from booking.scheduling import absences
from booking.web.dashboard.access import DashboardRequest, reach
from tenants.accounts.permissions import Operation


def absence_or_404(request: DashboardRequest, ref: uuid.UUID) -> Absence:
    """Return an absence of the whole practice, or of an agenda the person may block; else 404."""
    absence = get_object_or_404(absences.with_practitioner(), ref=ref)
    owner = absence.practitioner
    if owner is not None and not request.access.allows(Operation.BLOCK_TIME, owner.ref):
        raise Http404
    return absence


def may_remove(request: DashboardRequest, absence: Absence) -> bool:
    """Return whether the person may open this time again; that of the whole practice needs the right on it."""
    owner = absence.practitioner
    return request.access.allows(Operation.BLOCK_TIME, owner.ref if owner else None)


def touched_rows(request: DashboardRequest, absence: Absence) -> list[Row]:
    """Return the booked appointments it touches, in order, of the agendas the person may see."""
    seen = {practitioner.pk for practitioner in reach(request, Operation.SEE_AGENDA)}
    return [
        row_of(appointment)
        for appointment in absences.touched_by(absence)
        if appointment.practitioner_id in seen
    ]
