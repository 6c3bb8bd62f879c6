"""How many minutes each practitioner is open on each day, counted by the code that proposes slots."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from booking.availability import (
    Agenda,
    DayException,
    Place,
    Wanted,
    WeeklyHours,
    day_span,
    free_starts,
    instant_of,
    minute_of,
)
from booking.holidays import public_holidays
from booking.intervals import Interval
from booking.models import (
    Absence,
    DailyOpening,
    HolidayOpening,
    Location,
    OpeningException,
    OpeningHours,
    Practitioner,
)

NOTED_DAYS = 35
"""How far back a day may still be noted: the clock asks every hour, and may have been stopped."""
_EACH_MINUTE = Wanted(motif=0, duration=1, before=0, after=0, step=1, earliest=-(1 << 62))
_Day = tuple[int, date]


def opened_minutes(
    *, practitioner_ids: Collection[int], from_on: date, until_on: date
) -> dict[_Day, int]:
    """Return the open minutes of (practitioner, day): as noted then, or as the hours say now.

    Open is what the week or the date says, without closed holidays and absences; for any motif, and
    two places at the same hour count once. Seven queries at most.
    """
    noted = {
        (row.practitioner_id, row.on): row.minutes
        for row in DailyOpening.objects.filter(
            practitioner__in=practitioner_ids, on__gte=from_on, on__lte=until_on
        )
    }
    wanted = [
        (who, on)
        for who in practitioner_ids
        for on in _days(from_on, until_on)
        if (who, on) not in noted
    ]
    return noted | _computed(wanted)


def note_openings(*, now: datetime) -> int:
    """Note the days that are past and not noted yet; return how many. Doing it twice changes nothing."""
    yesterday = now.date() - timedelta(days=2)  # past in every zone of the world
    first = yesterday - timedelta(days=NOTED_DAYS)
    ids = list(Practitioner.objects.filter(is_active=True).values_list("pk", flat=True))
    noted = set(
        DailyOpening.objects.filter(on__gte=first, on__lte=yesterday).values_list(
            "practitioner_id", "on"
        )
    )
    wanted = [(who, on) for who in ids for on in _days(first, yesterday) if (who, on) not in noted]
    rows = [
        DailyOpening(practitioner_id=who, on=on, minutes=minutes)
        for (who, on), minutes in _computed(wanted).items()
    ]
    DailyOpening.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return len(rows)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=shift) for shift in range((last - first).days + 1))


def _computed(wanted: Collection[_Day]) -> dict[_Day, int]:
    """Count the minutes of these days from the hours as they are written now."""
    if not wanted:
        return {}
    first, last = min(on for _, on in wanted), max(on for _, on in wanted)
    ids = {who for who, _ in wanted}
    places = _places(range(first.year, last.year + 1), first, last)
    if not places:
        return dict.fromkeys(wanted, 0)
    agendas = _agendas(ids, places, first, last)
    found = {}
    for who, on in wanted:
        starts = free_starts(
            wanted=_EACH_MINUTE, agendas=[agendas[who]], places=places, from_on=on, until_on=on
        )
        found[who, on] = min(1440, len({start.minute for start in starts}))
    return found


def _places(years: Iterable[int], first: date, last: date) -> dict[int, Place]:
    opened: dict[int, set[date]] = defaultdict(set)
    for where, on in HolidayOpening.objects.filter(
        on_date__gte=first, on_date__lte=last
    ).values_list("location_id", "on_date"):
        opened[where].add(on)
    years = list(years)
    return {
        one.pk: Place(
            one.pk,
            one.time_zone,
            frozenset(
                on
                for year in years
                for on in public_holidays(territory=one.territory, postcode=one.postcode, year=year)
                if on not in opened[one.pk]
            ),
            last,
        )
        for one in Location.objects.all()
    }


def _agendas(
    ids: Collection[int], places: dict[int, Place], first: date, last: date
) -> dict[int, Agenda]:
    hours: dict[int, list[WeeklyHours]] = defaultdict(list)
    for row in OpeningHours.objects.filter(practitioner__in=ids):
        hours[row.practitioner_id].append(
            WeeklyHours(
                row.location_id,
                row.weekday,
                row.starts_min,
                row.ends_min,
                row.valid_from,
                row.valid_to,
                row.every_n_weeks,
                row.anchor_on,
            )
        )
    exceptions: dict[int, list[DayException]] = defaultdict(list)
    for one in OpeningException.objects.filter(
        practitioner__in=ids, on_date__gte=first, on_date__lte=last
    ):
        exceptions[one.practitioner_id].append(
            DayException(one.location_id, one.on_date, one.starts_min, one.ends_min)
        )
    away = _away(places, first, last)
    return {
        who: Agenda(who, hours[who], exceptions[who], sorted(away[who] + away[None])) for who in ids
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
