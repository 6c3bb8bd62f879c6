"""Names that are erased here and still stand in the practitioner's calendar, filled in after the page (B-28).

The page itself never waits: it stands without them, and asks for this fragment by itself, once for all its
lines. The only view that may wait for an outside: nothing of the database is held while it does.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse

from booking.google_calendar import Words
from booking.services.agenda import Row
from booking.services.google import names as service
from booking.services.google.names import MOST, Unnamed
from booking.views.dashboard.access import DashboardRequest, reach, requires
from tenants.accounts.permissions import Operation
from tenants.after_unit import AfterUnit

GOOGLE_AGENDA = "https://calendar.google.com/calendar/r"
LINE, WORD = "rdv", "nom"
"""What the page has room for: the name with a number beside it, or nothing but the name."""
LONGEST_NAME = 120


@dataclass(frozen=True)
class Asking:
    """What a page asks for once it is there, and where the names are until then."""

    address: str
    link: str
    count: int


@dataclass(frozen=True)
class Line:
    """One appointment of the fragment: what its event says, or where to look."""

    ref: str
    link: str
    words: Words | None
    has_room: bool

    @property
    def name(self) -> str:
        """What the event is called, bounded: the practitioner may have written anything there."""
        return self.words.summary.strip()[:LONGEST_NAME] if self.words else ""

    @property
    def phone(self) -> str:
        """The number that the event names."""
        return self.words.phone if self.words else ""


@requires(Operation.SEE_CONTACT, methods=("GET",))
def names(request: DashboardRequest) -> HttpResponse:
    """Answer with the names of these appointments, as far as they are within reach and Google answers."""
    lines, words = _refs(request, LINE), _refs(request, WORD)
    ids = [one.pk for one in reach(request, Operation.SEE_CONTACT)]
    wanted = service.unnamed(refs=[*lines, *words][:MOST], practitioner_ids=ids)
    found = service.lookups(refs=[one.ref for one in wanted], practitioner_ids=ids, now=request.now)
    response = AfterUnit(partial(_filled, wanted, found, frozenset(lines)))
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
    """Return what the page is to ask for; None, the usual case, when no calendar knows more than we do.

    The first ``MOST`` of them, ``lines`` before ``words``; one query, and none for nothing erased.
    """
    full = list(dict.fromkeys(lines))
    refs = list(dict.fromkeys([*full, *words]))[:MOST]
    ids = [one.pk for one in reach(request, Operation.SEE_CONTACT)]
    known = {one.ref for one in service.unnamed(refs=refs, practitioner_ids=ids)}
    asked = [(LINE if ref in full else WORD, ref.hex) for ref in refs if ref in known]
    if not asked:
        return None
    # Thirty-two letters a reference: a hundred of them stay within what a request line may hold.
    query = "&".join(f"{kind}={ref}" for kind, ref in asked)
    return Asking(f"{reverse('dashboard:names')}?{query}", link, len(asked))


def erased(rows: Iterable[Row]) -> list[UUID]:
    """Return the appointments of these rows whose person was known here, and is no more."""
    return [
        row.appointment.ref
        for row in rows
        if row.person is None and row.appointment.erased_at is not None
    ]


def _refs(request: HttpRequest, name: str) -> list[UUID]:
    found = []
    for sent in request.GET.getlist(name)[:MOST]:
        try:
            found.append(UUID(hex=sent))
        except ValueError:
            continue
    return found


def _filled(
    wanted: Collection[Unnamed], found: Collection[service.Lookup], lines: Collection[UUID]
) -> str:
    """Ask, and draw what came of it: outside any unit of work."""
    known: Mapping[UUID, Words] = service.ask(found)
    drawn = [
        Line(one.ref.hex, agenda_link(one.on), known.get(one.ref), one.ref in lines)
        for one in wanted
    ]
    missing = [line for line in drawn if not line.name]
    context = {"lines": drawn, "missing": missing, "link": missing[0].link if missing else ""}
    return render_to_string("dashboard/names.html", context)
