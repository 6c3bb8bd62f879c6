"""The opening hours on the practice page: of the appointment type that is looked for, at its place."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from booking.formats import french
from booking.rules.opening_hours import Interval, WeeklyHours, merge
from booking.web.public.search import WEEKDAYS, SlotOffer


@dataclass(frozen=True)
class HoursRow:
    """One line of the opening hours: "lundi, mercredi", and its ranges."""

    days: str
    ranges: Sequence[str]
    is_today: bool


def hours_of(offer: SlotOffer, *, today: date) -> list[HoursRow]:
    """Return the weekly hours on a local date, with consecutive equal days grouped.

    They are read from the data of the slots, without a further query, and cover only the hours at which a
    practitioner receives for this appointment type. Empty when there are none.
    """
    valid = [row for row in _rows(offer) if row.is_valid_on(today.toordinal())]
    if not valid:
        return []
    ranges = [_ranges(row for row in valid if row.weekday == weekday) for weekday in range(7)]
    drawn: list[tuple[list[int], list[str]]] = []
    for weekday, of_day in enumerate(ranges):
        if drawn and drawn[-1][1] == of_day:
            drawn[-1][0].append(weekday)
        else:
            drawn.append(([weekday], of_day))
    return [
        HoursRow(_names(weekdays), of_day, is_today=weekdays == [today.weekday()])
        for weekdays, of_day in drawn
    ]


def _rows(offer: SlotOffer) -> list[WeeklyHours]:
    place, appointment_type = offer.search.location.pk, offer.search.appointment_type.pk
    return [
        row
        for agenda in offer.availability.agendas
        for row in agenda.hours
        if row.receives(location=place, appointment_type=appointment_type)
    ]


def _ranges(rows: Iterable[WeeklyHours]) -> list[str]:
    """Return the ranges of one weekday in words: those of every week, then those of some."""
    weekly: list[Interval] = []
    turns: dict[tuple[int, Interval], set[int]] = defaultdict(set)
    for row in rows:
        turn = row.turn
        if turn is None:
            weekly.append((row.starts, row.ends))
        else:
            turns[row.every_n_weeks, (row.starts, row.ends)].add(turn)
    # Colleagues who take turns are there every week.
    weekly += [interval for (every, interval), weeks in turns.items() if len(weeks) == every]
    texts = [_range(*interval) for interval in merge(sorted(weekly))]
    return texts + [
        f"{_range(*interval)}, {french.one_week_in(every)}"
        for (every, interval), weeks in sorted(turns.items())
        if len(weeks) < every
    ]


def _range(starts: int, ends: int) -> str:
    return f"{french.minute_of_day(starts)} – {french.minute_of_day(ends)}"


def _names(weekdays: Sequence[int]) -> str:
    names = [WEEKDAYS[weekday] for weekday in weekdays]
    if len(names) > 2:
        return _("%(first)s au %(last)s") % {"first": names[0], "last": names[-1]}
    return ", ".join(names)
