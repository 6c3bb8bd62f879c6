"""What patients would see: the real slots of hours and motifs that may not be written yet."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from booking.availability import WeeklyHours
from booking.forms.dashboard.base import write_minutes
from booking.forms.dashboard.week import WEEKDAYS, WeekForm
from booking.intervals import merge
from booking.models import AppointmentType, Location, OpeningHours, Practitioner
from booking.queries import Draft, free_slots
from booking.services.hours import Pattern, Range
from booking.views.dashboard.access import DashboardRequest

DAYS_SHOWN = 3
SLOTS_SHOWN = 8


@dataclass(frozen=True)
class DayBar:
    """One day of a week as a picture: the classes of its bars, and the same in words."""

    name: Any
    bars: list[str]
    texts: list[str]


@dataclass(frozen=True)
class FreeDay:
    """The first free hours of one date, in the zone of the place, and how many more there are."""

    on: date
    starts: list[datetime]
    more: int


@dataclass(frozen=True)
class Preview:
    """The picture of a week, what it is worth, and the first days that patients would be offered."""

    bars: list[DayBar]
    open_min: int
    slots_a_week: int
    motif: AppointmentType | None
    motifs: Sequence[AppointmentType]
    days: list[FreeDay]
    count: int
    is_incomplete: bool = False

    @property
    def open_text(self) -> str:
        """The hours of a week, as « 29 h 30 »."""
        return write_minutes(self.open_min)


def preview_week(
    request: DashboardRequest, form: WeekForm, *, who: Practitioner, replaces: Collection[int]
) -> Preview:
    """Return what the week as it stands in the editor would offer; nothing is written."""
    is_whole = form.is_valid()
    place = form.cleaned_data.get("place") or Location.objects.filter(is_active=True).first()
    motifs = list(
        AppointmentType.objects.filter(
            is_active=True,
            channel=AppointmentType.Channel.ONLINE,
            practitioners=who,
            locations=place,
        )
    )
    only = {one.pk for one in form.cleaned_data.get("motifs") or ()}
    offered = [one for one in motifs if not only or one.pk in only]
    motif = _asked(offered, str(form.data.get("motif_vu", "")))
    draft = _draft(form, who=who, place=place, replaces=replaces) if place else None
    days = first_days(request, motif=motif, who=who, place=place, draft=draft) if draft else ([], 0)
    return Preview(
        bars=bars_of(form.ranges),
        open_min=_open_minutes(form.ranges),
        slots_a_week=_starts_a_week(form.ranges, motif) if motif else 0,
        motif=motif,
        motifs=offered,
        days=days[0],
        count=days[1],
        is_incomplete=not is_whole,
    )


def first_days(
    request: DashboardRequest,
    *,
    motif: AppointmentType | None,
    who: Practitioner,
    place: Location | None,
    draft: Draft | None = None,
) -> tuple[list[FreeDay], int]:
    """Return the first days with free hours up to the motif's horizon, and how many hours in all."""
    if motif is None or place is None:
        return [], 0
    zone = ZoneInfo(place.time_zone)
    found = free_slots(
        appointment_type=motif,
        practitioners=[who.pk],
        location=place,
        from_on=request.now.astimezone(zone).date(),
        until_on=request.now.astimezone(zone).date() + timedelta(days=motif.horizon_days),
        now=request.now,
        draft=draft,
    )
    starts = [slot.starts_at.astimezone(zone) for slot in found]
    days = []
    for on, of_day in groupby(starts, key=lambda one: one.date()):
        hours = list(of_day)
        days.append(FreeDay(on, hours[:SLOTS_SHOWN], max(0, len(hours) - SLOTS_SHOWN)))
    return days[:DAYS_SHOWN], len(starts)


def bars_of(ranges: Iterable[Range | OpeningHours]) -> list[DayBar]:
    """Return the picture of a week, Monday first."""
    by_day: Mapping[int, list[tuple[int, int]]] = {day: [] for day in range(7)}
    for one in ranges:
        by_day[one.weekday].append((one.starts_min, one.ends_min))
    return [
        DayBar(
            name,
            [_bar_classes(*one) for one in sorted(by_day[day])],
            [f"{write_minutes(a)} à {write_minutes(b)}" for a, b in sorted(by_day[day])],
        )
        for day, name in enumerate(WEEKDAYS)
    ]


def _bar_classes(starts: int, ends: int) -> str:
    length = (ends - starts) // 5 * 5
    classes = [f"h{starts // 60}", f"m{starts % 60 // 5 * 5}"]
    classes += [f"q{length // 60}"] if length >= 60 else []
    classes += [f"d{length % 60}"] if length % 60 else []
    return " ".join(classes)


def _asked(offered: Sequence[AppointmentType], ref: str) -> AppointmentType | None:
    named = [one for one in offered if ref in {str(one.ref), one.ref.hex}]
    return next(iter([*named, *offered]), None)


def _draft(
    form: WeekForm, *, who: Practitioner, place: Location, replaces: Collection[int]
) -> Draft:
    # While a date or the rhythm is being typed, the week is shown as if it were always so.
    pattern = Pattern(place) if form.errors.keys() & {"place", *_RULES} else form.pattern
    motifs = frozenset(motif.pk for motif in pattern.appointment_types) or None
    hours = [
        WeeklyHours(
            pattern.location.pk,
            one.weekday,
            one.starts_min,
            one.ends_min,
            pattern.valid_from,
            pattern.valid_to,
            pattern.every_n_weeks,
            pattern.anchor_on,
            motifs,
        )
        for one in form.ranges
    ]
    return Draft(who.pk, hours, frozenset(replaces))


_RULES = ("every", "anchor_on", "valid_from", "valid_to", "motifs")


def _open_minutes(ranges: Iterable[Range]) -> int:
    total = 0
    for day in range(7):
        of_day = [(one.starts_min, one.ends_min) for one in ranges if one.weekday == day]
        total += sum(end - start for start, end in merge(of_day))
    return total


def _starts_a_week(ranges: Iterable[Range], motif: AppointmentType) -> int:
    lengths = (one.ends_min - one.starts_min for one in ranges)
    return sum(max(0, (n - motif.duration_min) // motif.grid_min + 1) for n in lengths)
