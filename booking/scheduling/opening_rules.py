"""Reads the opening rules of practitioners from the tables and applies them to a date or a time.

``booking.rules.opening_hours`` contains the rules without the database. Free slots, the warnings for staff, the
waiting list, the calendar, the agenda and the statistics all call this module.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from booking.models import Absence, Appointment, AppointmentType, Location, Practitioner
from booking.rules.availability import is_within_hours
from booking.rules.holidays import public_holidays
from booking.rules.opening_hours import DayException, Source, Timetable, WeeklyHours

_EPOCH = date(1970, 1, 1).toordinal()

# Columns of one row, each table as an array of rows that Python joins; dates are days since 1970. A join, or one
# statement for each table, takes longer. The few rows after the last date of the query are read, too. The
# exceptions are those of all practitioners. Parameters: practitioner_ids, from_on.
COLUMNS = """
ARRAY(SELECT ARRAY[practitioner_id, location_id, id, weekday, starts_min, ends_min,
        valid_from - date 'epoch', valid_to - date 'epoch', every_n_weeks, anchor_on - date 'epoch']
    FROM booking_openinghours WHERE practitioner_id = ANY(%(practitioner_ids)s)),
ARRAY(SELECT ARRAY[openinghours_id, appointmenttype_id]
    FROM booking_openinghours_appointment_types),
ARRAY(SELECT ARRAY[practitioner_id, location_id, on_date - date 'epoch', starts_min, ends_min]
    FROM booking_openingexception WHERE on_date >= %(from_on)s),
ARRAY(SELECT ARRAY[location_id, on_date - date 'epoch']
    FROM booking_holidayopening WHERE on_date >= %(from_on)s)
"""
COLUMN_COUNT = 4


class HoursDraft(NamedTuple):
    """Weekly hours of one practitioner not stored yet, in place of the rows with the keys ``replaces``."""

    practitioner: int
    hours: Sequence[WeeklyHours]
    replaces: frozenset[int] = frozenset()


@dataclass(frozen=True)
class OpeningRules:
    """The stored hours by key of the practitioner, and the opened holidays as (key of the place, date)."""

    hours: Mapping[int, Sequence[WeeklyHours]]
    exceptions: Mapping[int, Sequence[DayException]]
    opened: frozenset[tuple[int, date]]

    def closed_holidays(
        self,
        location: int,
        *,
        territory: str,
        postcode: str,
        customary: str,
        years: Iterable[int],
    ) -> frozenset[date]:
        """Return the public holidays and the chosen customary days on which a place is closed (B-17)."""
        return frozenset(
            on
            for year in years
            for on in public_holidays(
                territory=territory, postcode=postcode, year=year, customary=customary
            )
            if (location, on) not in self.opened
        )

    def timetable(
        self,
        practitioner: int,
        location: Location,
        *,
        years: Iterable[int],
        appointment_type: int | None = None,
    ) -> Timetable:
        """Return the hours of one practitioner at one place in these years; None: for any appointment type."""
        return Timetable(
            location=location.pk,
            hours=self.hours.get(practitioner, ()),
            exceptions=self.exceptions.get(practitioner, ()),
            closed=self.closed_holidays(
                location.pk,
                territory=location.territory,
                postcode=location.postcode,
                customary=location.customary_days,
                years=years,
            ),
            appointment_type=appointment_type,
        )


def read_rules(*, practitioner_ids: Collection[int], from_on: date) -> OpeningRules:
    """Read the rules of these practitioners for the local dates from ``from_on`` on: one query."""
    parameters: dict[str, Any] = {
        "practitioner_ids": list(practitioner_ids),
        "from_on": from_on,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS}", parameters)
        columns = cursor.fetchone()
    return rules_of(columns)


def rules_of(columns: Sequence[Any], draft: HoursDraft | None = None) -> OpeningRules:
    """Return the rules of the four ``COLUMNS``; the hours of a draft count as if they were stored."""
    hour_rows, type_rows, exception_rows, opened_rows = columns
    appointment_types: dict[int, set[int]] = defaultdict(set)
    for row_id, appointment_type in type_rows:
        appointment_types[row_id].add(appointment_type)
    hours: dict[int, list[WeeklyHours]] = defaultdict(list)
    replaced = draft.replaces if draft else frozenset()
    for practitioner, location, row_id, *values in hour_rows:
        if row_id not in replaced:
            received = appointment_types.get(row_id)
            hours[practitioner].append(_weekly_hours(location, values, received))
    if draft:
        hours[draft.practitioner].extend(draft.hours)
    exceptions: dict[int, list[DayException]] = defaultdict(list)
    for practitioner, location, day, starts, ends in exception_rows:
        exceptions[practitioner].append(DayException(location, date_of(day), starts, ends))
    opened = frozenset((location, date_of(day)) for location, day in opened_rows)
    return OpeningRules(hours, exceptions, opened)


def date_of(days: int) -> date:
    """Return the date of a number of days since 1970."""
    return date.fromordinal(_EPOCH + days)


class Closed(TextChoices):
    """The reason why a time lies outside the opening rules: a warning for staff, never a refusal."""

    ABSENCE = "absence", _("pendant une absence")
    HOLIDAY = "holiday", _("un jour férié fermé")
    HOURS = "hours", _("en dehors de vos horaires")


def why_closed(
    *,
    practitioner: Practitioner,
    location: Location,
    appointment_type: AppointmentType,
    starts_at: datetime,
    ends_at: datetime,
) -> Closed | None:
    """Return why the shown time [starts_at, ends_at) is not open for this appointment type, or None.

    Two queries. Patients are offered the times for which this returns None, when they are free.
    """
    touching = Absence.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)
    if touching.filter(Q(practitioner=practitioner) | Q(practitioner=None)).exists():
        return Closed.ABSENCE
    on = starts_at.astimezone(ZoneInfo(location.time_zone)).date()
    timetable = read_rules(practitioner_ids=[practitioner.pk], from_on=on).timetable(
        practitioner.pk, location, years=[on.year], appointment_type=appointment_type.pk
    )
    if is_within_hours(timetable, zone=location.time_zone, starts_at=starts_at, ends_at=ends_at):
        return None
    return Closed.HOLIDAY if timetable.on(on).source is Source.HOLIDAY else Closed.HOURS


def appointments_outside_hours(*, practitioner: Practitioner, now: datetime) -> list[Appointment]:
    """Return the coming appointments outside the opening rules, by start; they stay and staff see them (B-16)."""
    coming = Appointment.objects.select_related("location").filter(
        practitioner=practitioner, status=Appointment.Status.BOOKED, starts_at__gte=now
    )
    # West of UTC the local date may be the previous one.
    yesterday = now.date() - timedelta(days=1)
    rules = read_rules(practitioner_ids=[practitioner.pk], from_on=yesterday)
    return [
        appointment
        for appointment in coming.order_by("starts_at")
        if not _is_within_rules(appointment, rules)
    ]


def _is_within_rules(appointment: Appointment, rules: OpeningRules) -> bool:
    location = appointment.location
    timetable = rules.timetable(
        appointment.practitioner_id,
        location,
        years=[appointment.starts_at.astimezone(ZoneInfo(location.time_zone)).year],
        appointment_type=appointment.appointment_type_id,
    )
    return is_within_hours(
        timetable,
        zone=location.time_zone,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
    )


def closed_holiday(
    *, rules: OpeningRules, practitioner_ids: Iterable[int], places: Iterable[Location], on: date
) -> str:
    """Return the name of the public holiday that closes every one of these agendas and places, or "".

    Only exceptions and opened holidays count: ``rules`` may have been read for other practitioners.
    """
    name = ""
    # A place without agendas keeps its holiday: no row has the key 0.
    agendas = list(practitioner_ids) or [0]
    for place in places:
        for practitioner in agendas:
            hours = rules.timetable(practitioner, place, years=[on.year]).on(on)
            if hours.source is Source.WEEK or hours.ranges:
                return ""
        if not holiday_of(place, on):
            return ""
        name = name or holiday_of(place, on)
    return name


def holiday_of(place: Location, on: date) -> str:
    """Return the name of the public holiday of a date at a place, open or closed, or ""."""
    return holidays_of(place, on.year).get(on, "")


def holidays_of(place: Location, year: int) -> Mapping[date, str]:
    """Return the public holidays and the chosen customary days of a place in a year, open or closed."""
    return public_holidays(
        territory=place.territory,
        postcode=place.postcode,
        year=year,
        customary=place.customary_days,
    )


def _weekly_hours(
    location: int, values: Sequence[Any], appointment_types: Collection[int] | None
) -> WeeklyHours:
    weekday, starts, ends, valid_from, valid_to, every_n_weeks, anchor = values
    return WeeklyHours(
        location,
        weekday,
        starts,
        ends,
        None if valid_from is None else date_of(valid_from),
        None if valid_to is None else date_of(valid_to),
        every_n_weeks,
        None if anchor is None else date_of(anchor),
        None if appointment_types is None else frozenset(appointment_types),
    )
