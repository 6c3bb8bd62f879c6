"""The open minutes of each practitioner on each day, counted by the function that computes the free slots."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from booking.models import (
    Absence,
    DailyOpening,
    Location,
    Practitioner,
)
from booking.rules.availability import (
    Agenda,
    Place,
    SlotShape,
    day_span,
    free_starts,
    instant_of,
    minute_of,
)
from booking.rules.opening_hours import Interval
from booking.scheduling.opening_rules import OpeningRules, read_rules

NOTED_DAYS = 35
"""The number of past days that ``note_openings`` fills in: its hourly job may have been stopped for a while."""
_EACH_MINUTE = SlotShape(
    appointment_type=None, duration=1, before=0, after=0, step=1, earliest=-(1 << 62)
)
_Day = tuple[int, date]


def opened_minutes(
    *, practitioner_ids: Collection[int], from_on: date, until_on: date
) -> dict[_Day, int]:
    """Return the open minutes by (practitioner, local date): from DailyOpening, else from today's opening rules.

    Open time is the weekly hours or the exception of the date, without closed holidays and absences, for any
    appointment type. Two places open at the same hour count once. Four queries at most.
    """
    noted = {
        (row.practitioner_id, row.on): row.minutes
        for row in DailyOpening.objects.filter(
            practitioner__in=practitioner_ids, on__gte=from_on, on__lte=until_on
        )
    }
    missing = [
        (practitioner_id, on)
        for practitioner_id in practitioner_ids
        for on in _days(from_on, until_on)
        if (practitioner_id, on) not in noted
    ]
    return noted | _computed(missing)


def note_openings(*, now: datetime) -> int:
    """Insert the missing DailyOpening rows of past days and return their number; a second call inserts none."""
    yesterday = now.date() - timedelta(days=2)  # past in every zone of the world
    first = yesterday - timedelta(days=NOTED_DAYS)
    ids = list(Practitioner.objects.filter(is_active=True).values_list("pk", flat=True))
    noted = set(
        DailyOpening.objects.filter(on__gte=first, on__lte=yesterday).values_list(
            "practitioner_id", "on"
        )
    )
    missing = [
        (practitioner_id, on)
        for practitioner_id in ids
        for on in _days(first, yesterday)
        if (practitioner_id, on) not in noted
    ]
    rows = [
        DailyOpening(practitioner_id=practitioner_id, on=on, minutes=minutes)
        for (practitioner_id, on), minutes in _computed(missing).items()
    ]
    DailyOpening.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return len(rows)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=shift) for shift in range((last - first).days + 1))


def _computed(days: Collection[_Day]) -> dict[_Day, int]:
    """Return the open minutes of these (practitioner, date) pairs by the opening rules stored now."""
    if not days:
        return {}
    first, last = min(on for _, on in days), max(on for _, on in days)
    ids = {practitioner_id for practitioner_id, _ in days}
    rules = read_rules(practitioner_ids=ids, from_on=first)
    places = _places(rules, first, last)
    if not places:
        return dict.fromkeys(days, 0)
    away = _away(places, first, last)
    agendas = {
        practitioner_id: Agenda(
            practitioner_id,
            rules.hours.get(practitioner_id, ()),
            rules.exceptions.get(practitioner_id, ()),
            sorted(away[practitioner_id] + away[None]),
        )
        for practitioner_id in ids
    }
    found = {}
    for practitioner_id, on in days:
        starts = free_starts(
            shape=_EACH_MINUTE,
            agendas=[agendas[practitioner_id]],
            places=places,
            from_on=on,
            until_on=on,
        )
        found[practitioner_id, on] = min(1440, len({start.minute for start in starts}))
    return found


def _places(rules: OpeningRules, first: date, last: date) -> dict[int, Place]:
    """Return the active places by key, in the form that ``free_starts`` takes; archived places offer no slots."""
    years = range(first.year, last.year + 1)
    return {
        place.pk: Place(
            place.pk,
            place.time_zone,
            rules.closed_holidays(
                place.pk,
                territory=place.territory,
                postcode=place.postcode,
                customary=place.customary_days,
                years=years,
            ),
            last,
        )
        for place in Location.objects.filter(is_active=True)
    }


def _away(places: dict[int, Place], first: date, last: date) -> dict[int | None, list[Interval]]:
    spans = [day_span(place.zone, first, last) for place in places.values()]
    low = instant_of(min(start for start, _ in spans))
    high = instant_of(max(end for _, end in spans))
    away: dict[int | None, list[Interval]] = defaultdict(list)
    for absence in Absence.objects.filter(starts_at__lt=high, ends_at__gt=low):
        interval = (minute_of(absence.starts_at), minute_of(absence.ends_at))
        if interval[0] < interval[1]:
            away[absence.practitioner_id].append(interval)
    return away
