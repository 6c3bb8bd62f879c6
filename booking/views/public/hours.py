"""The opening hours on the practice page: of the motif that is looked for, at its place."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from booking import french
from booking.availability import WeeklyHours
from booking.intervals import Interval, merge
from booking.views.public.search import WEEKDAYS, Offer


@dataclass(frozen=True)
class HoursRow:
    """One line of the opening hours: "lundi, mercredi", and its ranges."""

    days: str
    ranges: Sequence[str]
    is_today: bool


def hours_of(offer: Offer, *, today: date) -> list[HoursRow]:
    """Return the week as the agendas hold it on a local date, days with the same hours together.

    Read from what the slots are computed from: no other query, and no hour at which nobody receives
    for this motif. Nothing when nobody receives at all.
    """
    held = [row for row in _rows(offer) if _is_valid(row, today)]
    if not held:
        return []
    ranges = [_ranges(row for row in held if row.weekday == weekday) for weekday in range(7)]
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


def _rows(offer: Offer) -> list[WeeklyHours]:
    place, motif = offer.search.location.pk, offer.search.appointment_type.pk
    return [
        row
        for agenda in offer.vacancies.agendas
        for row in agenda.hours
        if row.location == place and (row.motifs is None or motif in row.motifs)
    ]


def _is_valid(row: WeeklyHours, today: date) -> bool:
    begun = row.valid_from is None or row.valid_from <= today
    return begun and (row.valid_to is None or today <= row.valid_to)


def _ranges(rows: Iterable[WeeklyHours]) -> list[str]:
    """Return the ranges of one weekday in words: those of every week, then those of some."""
    weekly: list[Interval] = []
    turns: dict[tuple[int, Interval], set[int]] = defaultdict(set)
    for row in rows:
        if row.every_n_weeks == 1 or row.anchor is None:
            weekly.append((row.starts, row.ends))
        else:
            week = (row.anchor.toordinal() - 1) // 7
            turns[row.every_n_weeks, (row.starts, row.ends)].add(week % row.every_n_weeks)
    # Colleagues who take turns are there every week.
    weekly += [one for (every, one), weeks in turns.items() if len(weeks) == every]
    said = [_range(*one) for one in merge(sorted(weekly))]
    return said + [
        f"{_range(*one)}, {french.one_week_in(every)}"
        for (every, one), weeks in sorted(turns.items())
        if len(weeks) < every
    ]


def _range(starts: int, ends: int) -> str:
    return f"{french.minute_of_day(starts)} – {french.minute_of_day(ends)}"


def _names(weekdays: Sequence[int]) -> str:
    names = [WEEKDAYS[weekday] for weekday in weekdays]
    if len(names) > 2:
        return _("%(first)s au %(last)s") % {"first": names[0], "last": names[-1]}
    return ", ".join(names)
