"""What each date is for one practitioner: open, closed, different, a holiday or an absence."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from booking.holidays import public_holidays
from booking.intervals import merge
from booking.models import (
    Absence,
    Appointment,
    HolidayOpening,
    Location,
    OpeningException,
    OpeningHours,
    Practitioner,
)
from booking.services.hours import holds_on


class DayKind(TextChoices):
    """What a date is; the most particular reason wins."""

    ABSENT = "absent", _("absence")
    SPECIAL = "special", _("horaires particuliers")
    HOLIDAY = "holiday", _("férié, fermé")
    OPEN = "open", _("ouvert")
    CLOSED = "closed", _("fermé")


@dataclass(frozen=True)
class CalendarDay:
    """One local date of one practitioner; ``ranges`` are minutes, all places together."""

    on: date
    kind: DayKind
    ranges: list[tuple[int, int]]
    holiday: str
    absences: list[Absence]
    exceptions: list[OpeningException]
    booked: int

    @property
    def is_open(self) -> bool:
        """Whether somebody receives then, at least for a while."""
        return bool(self.ranges) and self.kind is not DayKind.ABSENT


@dataclass(frozen=True)
class _Rules:
    """What was read once for all dates."""

    hours: list[OpeningHours]
    exceptions: list[OpeningException]
    absences: list[Absence]
    places: list[Location]
    opened: set[tuple[int, date]]
    booked: Counter[date]
    zone: ZoneInfo


def days_of(
    *, practitioner: Practitioner, first: date, count: int, zone: ZoneInfo
) -> list[CalendarDay]:
    """Return ``count`` dates from ``first``, in six queries whatever their number."""
    rules = _read(practitioner, first, first + timedelta(days=count), zone)
    return [_day(first + timedelta(days=shift), rules) for shift in range(count)]


def _read(practitioner: Practitioner, first: date, end: date, zone: ZoneInfo) -> _Rules:
    low, high = _midnight(first, zone), _midnight(end, zone)
    booked = Appointment.objects.filter(
        practitioner=practitioner,
        status=Appointment.Status.BOOKED,
        starts_at__gte=low,
        starts_at__lt=high,
    ).values_list("starts_at", flat=True)
    absences = Absence.objects.filter(starts_at__lt=high, ends_at__gt=low)
    return _Rules(
        hours=list(OpeningHours.objects.filter(practitioner=practitioner)),
        exceptions=list(
            OpeningException.objects.filter(
                practitioner=practitioner, on_date__gte=first, on_date__lt=end
            ).select_related("location")
        ),
        absences=list(absences.filter(Q(practitioner=practitioner) | Q(practitioner=None))),
        places=list(Location.objects.filter(is_active=True)),
        opened=set(
            HolidayOpening.objects.filter(on_date__gte=first, on_date__lt=end).values_list(
                "location_id", "on_date"
            )
        ),
        booked=Counter(starts_at.astimezone(zone).date() for starts_at in booked),
        zone=zone,
    )


def _day(on: date, rules: _Rules) -> CalendarDay:
    special = [one for one in rules.exceptions if one.on_date == on]
    ranges: list[tuple[int, int]] = []
    holiday = ""
    for place in rules.places:
        differing = [one for one in special if one.location_id == place.pk]
        name = str(_holiday(place, on))
        if differing:
            ranges += _written(differing)
        elif name and (place.pk, on) not in rules.opened:
            holiday = name
        else:
            of_place = [row for row in rules.hours if row.location_id == place.pk]
            ranges += [(row.starts_min, row.ends_min) for row in of_place if holds_on(row, on)]
    absences = [one for one in rules.absences if _touches(one, on, rules.zone)]
    day = CalendarDay(
        on, DayKind.CLOSED, merge(ranges), holiday, absences, special, rules.booked[on]
    )
    return replace(day, kind=_kind(day, rules.zone))


def _kind(day: CalendarDay, zone: ZoneInfo) -> DayKind:
    start, end = _midnight(day.on, zone), _midnight(day.on + timedelta(days=1), zone)
    if any(one.starts_at <= start and one.ends_at >= end for one in day.absences):
        return DayKind.ABSENT
    if day.exceptions:
        return DayKind.SPECIAL
    if day.ranges:
        return DayKind.OPEN
    return DayKind.HOLIDAY if day.holiday else DayKind.CLOSED


def _written(exceptions: Iterable[OpeningException]) -> list[tuple[int, int]]:
    return [
        (one.starts_min, one.ends_min)
        for one in exceptions
        if one.starts_min is not None and one.ends_min is not None
    ]


def _holiday(place: Location, on: date) -> str:
    found = public_holidays(territory=place.territory, postcode=place.postcode, year=on.year)
    return found.get(on, "")


def _touches(absence: Absence, on: date, zone: ZoneInfo) -> bool:
    start, end = _midnight(on, zone), _midnight(on + timedelta(days=1), zone)
    return absence.starts_at < end and absence.ends_at > start


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=zone)
