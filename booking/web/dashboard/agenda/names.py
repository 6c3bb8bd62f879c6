"""Shows names that lib-rdv has erased and that the practitioner's calendar still holds (B-28).

The page is rendered without these names and requests this fragment once for all its lines. It is the only view
that may wait for an external service: it does so without an open unit of work.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse

from booking.agenda.rows import Row
from booking.google import names as service
from booking.google.calendar_api import Words
from booking.google.names import MOST, Unnamed
from booking.web.dashboard.access import (
    DashboardRequest,
    reach,
    requires,
)
from tenants.accounts.permissions import Operation
from tenants.deferred_response import DeferredResponse
from tenants.query_parameters import parameters_of

GOOGLE_AGENDA = "https://calendar.google.com/calendar/r"
LINE, WORD = "rdv", "nom"
"""The layout of the page: the name with a phone number beside it, or the name only."""
LONGEST_NAME = 120


@dataclass(frozen=True)
class Asking:
    """The request for names that a page sends once it is shown, and the address of the calendar until then."""

    address: str
    link: str
    count: int


@dataclass(frozen=True)
class CalendarNameLine:
    """One appointment of the fragment: the title of its event, or a link to the calendar."""

    ref: str
    link: str
    words: Words | None
    has_room: bool

    @property
    def name(self) -> str:
        """The title of the event, cut to a limit: the practitioner may have written any text there."""
        return self.words.summary.strip()[:LONGEST_NAME] if self.words else ""

    @property
    def phone(self) -> str:
        """The number that the event names."""
        return self.words.phone if self.words else ""


@requires(Operation.SEE_CONTACT, methods=("GET",))
def names(request: DashboardRequest) -> HttpResponse:
    """Answer with the names of these appointments, as far as they are within reach and Google answers."""
    lines, words = _refs(request, LINE), _refs(request, WORD)
    ids = [practitioner.pk for practitioner in reach(request, Operation.SEE_CONTACT)]
    unnamed = service.unnamed(refs=[*lines, *words][:MOST], practitioner_ids=ids)
    found = service.lookups(
        refs=[appointment.ref for appointment in unnamed], practitioner_ids=ids, now=request.now
    )
    response = DeferredResponse(partial(_filled, unnamed, found, frozenset(lines)))
    response["Cache-Control"] = "no-store"
    return response


def agenda_link(on: date, *, span: str = "day") -> str:
    """Return where Google Agenda shows a date, or its week: no word about anybody is in it."""
    return f"{GOOGLE_AGENDA}/{span}/{on.year}/{on.month}/{on.day}"


def asking(
    request: DashboardRequest,
    *,
    lines: Iterable[UUID] = (),
    words: Iterable[UUID] = (),
    link: str,
) -> Asking | None:
    """Return the request for the names that the page lacks; None when no calendar holds any of them.

    It covers the first ``MOST`` appointments, ``lines`` before ``words``. One query; none without erased persons.
    """
    full = list(dict.fromkeys(lines))
    refs = list(dict.fromkeys([*full, *words]))[:MOST]
    ids = [practitioner.pk for practitioner in reach(request, Operation.SEE_CONTACT)]
    known = {appointment.ref for appointment in service.unnamed(refs=refs, practitioner_ids=ids)}
    asked = [(LINE if ref in full else WORD, ref.hex) for ref in refs if ref in known]
    if not asked:
        return None
    # Thirty-two letters a reference: a hundred of them stay within what a request line may hold.
    query = "&".join(f"{kind}={ref}" for kind, ref in asked)
    return Asking(f"{reverse('dashboard:names')}?{query}", link, len(asked))


def erased(rows: Iterable[Row]) -> list[UUID]:
    """Return the appointments of these rows whose person has been erased."""
    return [
        row.appointment.ref
        for row in rows
        if row.person is None and row.appointment.erased_at is not None
    ]


def _refs(request: HttpRequest, name: str) -> list[UUID]:
    found = []
    for sent in parameters_of(request).getlist(name)[:MOST]:
        try:
            found.append(UUID(hex=sent))
        except ValueError:
            continue
    return found


def _filled(
    unnamed: Collection[Unnamed], found: Collection[service.Lookup], lines: Collection[UUID]
) -> str:
    """Read the names from the calendar and draw them, outside any unit of work."""
    known: Mapping[UUID, Words] = service.read_names(found)
    drawn = [
        CalendarNameLine(
            appointment.ref.hex,
            agenda_link(appointment.on),
            known.get(appointment.ref),
            appointment.ref in lines,
        )
        for appointment in unnamed
    ]
    missing = [line for line in drawn if not line.name]
    context = {"lines": drawn, "missing": missing, "link": missing[0].link if missing else ""}
    return render_to_string("dashboard/google/names.html", context)
