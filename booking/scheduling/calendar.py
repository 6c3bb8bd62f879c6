"""The kind of each date of one practitioner: open, closed, special hours, public holiday or absence."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from booking.models import (
    Absence,
    Appointment,
    Location,
    OpeningException,
    Practitioner,
)
from booking.rules.opening_hours import Source, Timetable, merge
from booking.scheduling.opening_rules import holiday_of, read_rules


class DayKind(TextChoices):
    """The kind of a date, in order of precedence: the first one that applies is shown."""

    ABSENT = "absent", _("absence")
    SPECIAL = "special", _("horaires particuliers")
    HOLIDAY = "holiday", _("férié, fermé")
    OPEN = "open", _("ouvert")
    CLOSED = "closed", _("fermé")


@dataclass(frozen=True)
class CalendarDay:
    """One local date of one practitioner; ``ranges`` are minutes of the day, merged over all places."""

    on: date
    kind: DayKind
    ranges: list[tuple[int, int]]
    holiday: str
    absences: list[Absence]
    exceptions: list[OpeningException]
    booked: int

    @property
    def is_open(self) -> bool:
        """Whether the date has opening hours and no absence of the whole day."""
        return bool(self.ranges) and self.kind is not DayKind.ABSENT


@dataclass(frozen=True)
class _Rules:
    """The rows of all dates, read once."""

    timetables: list[tuple[Location, Timetable]]
    exceptions: list[OpeningException]
    absences: list[Absence]
    booked: Counter[date]
    zone: ZoneInfo


def days_of(
    *, practitioner: Practitioner, first: date, count: int, zone: ZoneInfo
) -> list[CalendarDay]:
    """Return ``count`` dates from ``first`` on. Five queries, whatever the count."""
    rules = _read(practitioner, first, first + timedelta(days=count), zone)
    return [_day(first + timedelta(days=shift), rules) for shift in range(count)]


def ranges_of(*, practitioner: Practitioner, location: Location, on: date) -> list[tuple[int, int]]:
    """Return the opening ranges of one date at one location, in minutes of the day, without absences."""
    opening = read_rules(practitioner_ids=[practitioner.pk], from_on=on)
    timetable = opening.timetable(practitioner.pk, location, years=[on.year])
    return merge(list(timetable.on(on).ranges))


def place_of_day(practitioner: Practitioner, *, on: date) -> Location | None:
    """Return the first active location that has hours or an exception on a date, else the first one."""
    rules = _read(practitioner, on, on + timedelta(days=1), ZoneInfo("UTC"))
    special = {exception.location_id for exception in rules.exceptions}
    places = [place for place, _timetable in rules.timetables]
    open_ones = [
        place
        for place, timetable in rules.timetables
        if place.pk in special or timetable.on(on).ranges
    ]
    return next(iter([*open_ones, *places]), None)


def _read(practitioner: Practitioner, first: date, end: date, zone: ZoneInfo) -> _Rules:
    low, high = _midnight(first, zone), _midnight(end, zone)
    booked = Appointment.objects.filter(
        practitioner=practitioner,
        status=Appointment.Status.BOOKED,
        starts_at__gte=low,
        starts_at__lt=high,
    ).values_list("starts_at", flat=True)
    absences = Absence.objects.filter(starts_at__lt=high, ends_at__gt=low)
    opening = read_rules(practitioner_ids=[practitioner.pk], from_on=first)
    years = range(first.year, end.year + 1)
    return _Rules(
        timetables=[
            (place, opening.timetable(practitioner.pk, place, years=years))
            for place in Location.objects.filter(is_active=True)
        ],
        exceptions=list(
            OpeningException.objects.filter(
                practitioner=practitioner, on_date__gte=first, on_date__lt=end
            ).select_related("location")
        ),
        absences=list(absences.filter(Q(practitioner=practitioner) | Q(practitioner=None))),
        booked=Counter(starts_at.astimezone(zone).date() for starts_at in booked),
        zone=zone,
    )


def _day(on: date, rules: _Rules) -> CalendarDay:
    special = [exception for exception in rules.exceptions if exception.on_date == on]
    ranges: list[tuple[int, int]] = []
    holiday = ""
    for place, timetable in rules.timetables:
        hours = timetable.on(on)
        ranges += hours.ranges
        if hours.source is Source.HOLIDAY:
            holiday = holiday_of(place, on)
    absences = [absence for absence in rules.absences if _touches(absence, on, rules.zone)]
    day = CalendarDay(
        on, DayKind.CLOSED, merge(ranges), holiday, absences, special, rules.booked[on]
    )
    return replace(day, kind=_kind(day, rules.zone))


def _kind(day: CalendarDay, zone: ZoneInfo) -> DayKind:
    start, end = _midnight(day.on, zone), _midnight(day.on + timedelta(days=1), zone)
    if any(absence.starts_at <= start and absence.ends_at >= end for absence in day.absences):
        return DayKind.ABSENT
    if day.exceptions:
        return DayKind.SPECIAL
    if day.ranges:
        return DayKind.OPEN
    return DayKind.HOLIDAY if day.holiday else DayKind.CLOSED


def _touches(absence: Absence, on: date, zone: ZoneInfo) -> bool:
    start, end = _midnight(on, zone), _midnight(on + timedelta(days=1), zone)
    return absence.starts_at < end and absence.ends_at > start


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=zone)
