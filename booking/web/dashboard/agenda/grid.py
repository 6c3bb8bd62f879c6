"""Turns the appointments and absences of some days into columns and rectangles of the week grid.

Positions are classes of the style sheet: the page has no inline style (CSP).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from booking.agenda.week import (
    Busy,
    Days,
    GridVisit,
    ZonedLocation,
)
from booking.models import Absence, Practitioner
from booking.scheduling.queries import Slot

FIRST_HOUR, LAST_HOUR = 8, 19
SHORTEST_MIN = 15
COLOURS = 4
MOST_ABREAST = 4


@dataclass
class Block:
    """One rectangle; ``css`` is the classes that put it there."""

    kind: str
    starts: datetime
    ends: datetime
    css: str = ""
    visit: GridVisit | None = None
    label: str = ""
    place: str = ""

    @property
    def is_gap(self) -> bool:
        """Whether the time is free to book."""
        return self.kind == "gap"

    @property
    def is_busy(self) -> bool:
        """Whether the time is taken in an external calendar."""
        return self.kind == "busy"

    def at(self, *more: str) -> "Block":
        """Write the classes of its place, and these."""
        self.css = " ".join(filter(None, (place_classes(self.starts, self.ends), *more)))
        return self


@dataclass
class Lane:
    """One column of one day: the agenda of a practitioner, or the appointments at one place."""

    name: str
    initials: str
    practitioner_ref: str = ""
    place: str = ""
    blocks: list[Block] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in it but time that is free."""
        return all(block.is_gap for block in self.blocks)


@dataclass
class GridDay:
    """One day: its columns, or why it is closed."""

    on: date
    lanes: list[Lane]
    closed: str = ""

    @property
    def iso(self) -> str:
        """The date as addresses write it."""
        return self.on.isoformat()

    @property
    def has_visits(self) -> bool:
        """Whether the day has at least one appointment."""
        return any(block.kind == "rdv" for lane in self.lanes for block in lane.blocks)


@dataclass(frozen=True)
class Grid:
    """The days, and the hours between which they are drawn."""

    days: list[GridDay]
    first: int
    last: int
    count: int


def draw(  # what a grid is made of, each by its name
    read: Days,
    *,
    practitioners: Sequence[Practitioner],
    bookable: frozenset[int],
    blockable: frozenset[int],
    by_place: bool,
    dates: Sequence[date],
    zone: ZoneInfo,
) -> Grid:
    """Return the grid of these dates.

    ``bookable`` and ``blockable`` are the keys of the agendas that the reader may book into and block: free time
    and blocked time of the others lead nowhere.
    """
    colours = {
        practitioner.pk: f"p{number % COLOURS + 1}"
        for number, practitioner in enumerate(practitioners)
    }
    visits = _visits(read, colours, by_place=by_place)
    first, last = _hours(block for blocks in visits.values() for block in blocks)
    gaps = {} if by_place else _gaps(read, bookable)
    days = []
    for on in dates:
        lanes = _lanes(read, practitioners, by_place=by_place)
        for key, lane in lanes.items():
            lane.blocks += _side_by_side(visits.get((key, on), []))
            lane.blocks += _away(
                read, key, on, (first, last), zone, by_place=by_place, blockable=blockable
            )
            lane.blocks += gaps.get((key, on), [])
            lane.blocks.sort(key=lambda block: block.starts)
        days.append(GridDay(on, _at_work(on, lanes.values()), read.closed_holidays.get(on, "")))
    return Grid(days, first, last, len(read.visits))


def place_classes(starts: datetime, ends: datetime) -> str:
    """Return ``h14 m30 q1 d15``: start and length, to five minutes, without inline style."""
    minutes = max(SHORTEST_MIN, round((ends - starts).total_seconds() / 300) * 5)
    length = [f"q{minutes // 60}"] if minutes >= 60 else []
    rest = [f"d{minutes % 60}"] if minutes % 60 else []
    return " ".join([f"h{starts.hour}", f"m{starts.minute // 5 * 5}", *length, *rest])


def initials(name: str) -> str:
    """Return « C.E. » for Claire Exemple: the label of a narrow column."""
    words = re.split(r"[\s-]+", name.strip())
    return "".join(f"{word[0]}." for word in words[:3] if word)


def _lanes(read: Days, practitioners: Sequence[Practitioner], *, by_place: bool) -> dict[int, Lane]:
    if by_place:
        return {
            key: Lane(place.row.name, place.row.name, place=str(place.row.ref))
            for key, place in read.places.items()
            if place.row.is_active
        }
    return {
        practitioner.pk: Lane(
            practitioner.name, initials(practitioner.name), practitioner_ref=str(practitioner.ref)
        )
        for practitioner in practitioners
    }


def _at_work(on: date, lanes: Iterable[Lane]) -> list[Lane]:
    """Return the columns of a day; at a weekend only those in which something stands, if any does."""
    every = list(lanes)
    busy = [lane for lane in every if lane.blocks]
    return busy if busy and on.weekday() >= 5 and len(every) > 1 else every


def _visits(
    read: Days, colours: dict[int, str], *, by_place: bool
) -> dict[tuple[int, date], list[Block]]:
    """Return the appointments of each column and date in order, at the local time of their location."""
    found: dict[tuple[int, date], list[Block]] = defaultdict(list)
    for visit in read.visits:
        zone = read.places[visit.location_id].zone
        starts, ends = visit.starts_at.astimezone(zone), visit.ends_at.astimezone(zone)
        key = visit.location_id if by_place else visit.practitioner_id
        overbooked_css = "overbooked" if visit.is_overbooked else ""
        gone = {"fulfilled": "seen", "noshow": "missed"}.get(visit.status, "")
        block = Block("rdv", starts, ends, visit=visit)
        found[key, starts.date()].append(
            block.at(colours.get(visit.practitioner_id, "p1"), overbooked_css, gone)
        )
    return found


def _side_by_side(blocks: list[Block]) -> list[Block]:
    """Give those that meet in one column a part of its width each."""
    group: list[Block] = []
    until: datetime | None = None
    for block in [*blocks, None]:
        if block is None or (until is not None and block.starts >= until):
            _share(group)
            group, until = [], None
        if block is not None:
            group.append(block)
            until = max(until or block.ends, block.ends)
    return blocks


def _share(group: list[Block]) -> None:
    if len(group) < 2:
        return
    columns: list[datetime] = []
    places = []
    for block in group:
        free = [number for number, end in enumerate(columns) if end <= block.starts]
        number = free[0] if free else len(columns)
        columns[number : number + 1] = [block.ends]
        places.append(number)
    width = min(len(columns), MOST_ABREAST)
    for block, number in zip(group, places, strict=True):
        block.css += f" w{width} c{min(number, width - 1)}"


def _away(
    read: Days,
    key: int,
    on: date,
    hours: tuple[int, int],
    zone: ZoneInfo,
    *,
    by_place: bool,
    blockable: frozenset[int],
) -> Iterable[Block]:
    """Yield blocked time and time taken elsewhere, within the hours that are drawn."""

    def is_here(owner: int | None) -> bool:
        return owner is None or (owner == key and not by_place)

    taken: list[tuple[int | None, Absence | Busy, str, str]] = [
        *((absence.practitioner_id, absence, "block", absence.label) for absence in read.absences),
        *((interval.practitioner_id, interval, "busy", "") for interval in read.busy),
    ]
    opens = datetime(on.year, on.month, on.day, tzinfo=zone) + timedelta(hours=hours[0])
    shuts = datetime(on.year, on.month, on.day, tzinfo=zone) + timedelta(hours=hours[1])
    for owner, absence_or_busy, kind, label in taken:
        starts = max(absence_or_busy.starts_at.astimezone(zone), opens)
        ends = min(absence_or_busy.ends_at.astimezone(zone), shuts)
        if is_here(owner) and starts < ends:
            is_opened = owner is None or owner in blockable
            absence = absence_or_busy if isinstance(absence_or_busy, Absence) else None
            ref = str(absence.ref) if absence and is_opened else ""
            yield Block(kind, starts, ends, label=label, place=ref).at()


def _gaps(read: Days, bookable: frozenset[int]) -> dict[tuple[int, date], list[Block]]:
    """Return the free time of each agenda and date: starts that touch make one rectangle."""
    found: dict[tuple[int, date], list[Block]] = defaultdict(list)
    for slot in read.free:
        if slot.practitioner_id in bookable:
            _join(found, slot, read.places[slot.location_id])
    return {key: [gap.at() for gap in gaps] for key, gaps in found.items()}


def _join(found: dict[tuple[int, date], list[Block]], slot: Slot, place: ZonedLocation) -> None:
    starts, ends = slot.starts_at.astimezone(place.zone), slot.ends_at.astimezone(place.zone)
    gaps = found[slot.practitioner_id, starts.date()]
    ref = str(place.row.ref)
    last = gaps[-1] if gaps else None
    if last is not None and last.place == ref and starts <= last.ends:
        last.ends = max(last.ends, ends)
    elif last is None or starts >= last.ends:
        gaps.append(Block("gap", starts, ends, place=ref))


def _hours(blocks: Iterable[Block]) -> tuple[int, int]:
    first, last = FIRST_HOUR, LAST_HOUR
    for block in blocks:
        first = min(first, block.starts.hour)
        if block.ends.date() > block.starts.date():
            last = 24
        else:
            last = max(last, block.ends.hour + (1 if block.ends.minute else 0))
    return first, last
