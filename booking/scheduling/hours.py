"""Reads and changes opening hours: weekly hours, exceptions of single dates, opened public holidays."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from booking.models import (
    AppointmentType,
    HolidayOpening,
    Location,
    OpeningException,
    OpeningHours,
    Practitioner,
)
from booking.rules.holidays import customary_days
from booking.scheduling.locks import lock_practitioners
from tenants.audit import services as audit
from tenants.refs import new_ref


@dataclass(frozen=True)
class Range:
    """A range of opening, in minutes of the local day [starts_min, ends_min); ``weekday`` 0 is Monday."""

    weekday: int
    starts_min: int
    ends_min: int


@dataclass(frozen=True)
class Pattern:
    """The location, dates and appointment types of a week. No type means all types; no date means no limit."""

    location: Location
    valid_from: date | None = None
    valid_to: date | None = None
    every_n_weeks: int = 1
    anchor_on: date | None = None
    appointment_types: tuple[AppointmentType, ...] = ()


def opening_hours_of(practitioner: Practitioner) -> QuerySet[OpeningHours]:
    """Return the weekly hours of a practitioner with their locations and appointment types: two queries."""
    return (
        OpeningHours.objects.filter(practitioner=practitioner)
        .select_related("location")
        .prefetch_related("appointment_types")
    )


def weeks_of(practitioner: Practitioner) -> list[list[OpeningHours]]:
    """Return the weekly hours of a practitioner, the rows of one pattern together."""
    weeks: dict[tuple[object, ...], list[OpeningHours]] = {}
    for row in opening_hours_of(practitioner):
        weeks.setdefault(pattern_key(row), []).append(row)
    return list(weeks.values())


def exceptions_from(
    practitioners: Collection[Practitioner], day: date
) -> QuerySet[OpeningException]:
    """Return the OpeningException rows of these practitioners from the local date ``day`` on."""
    exceptions = OpeningException.objects.filter(practitioner__in=practitioners, on_date__gte=day)
    return exceptions.select_related("practitioner", "location")


def opened_holidays(locations: Collection[Location]) -> set[tuple[int, date]]:
    """Return the pairs (key of the location, date) of the public holidays that are open: one query."""
    openings = HolidayOpening.objects.filter(location__in=locations)
    return set(openings.values_list("location_id", "on_date"))


def week_of(row: OpeningHours) -> list[OpeningHours]:
    """Return the rows that share the pattern of ``row``: one week as the editor shows it."""
    key = pattern_key(row)
    rows = OpeningHours.objects.filter(practitioner_id=row.practitioner_id).prefetch_related(
        "appointment_types"
    )
    return [other for other in rows if pattern_key(other) == key]


def pattern_key(row: OpeningHours) -> tuple[object, ...]:
    """Return the key that the rows of one week share: location, dates, rhythm and appointment types."""
    return (
        row.location_id,
        row.valid_from,
        row.valid_to,
        row.every_n_weeks,
        row.anchor_on,
        tuple(sorted(appointment_type.pk for appointment_type in row.appointment_types.all())),
    )


def save_week(
    *,
    practitioner: Practitioner,
    pattern: Pattern,
    ranges: Sequence[Range],
    replaces: Collection[int],
    actor: str,
    now: datetime,
) -> None:
    """Replace the OpeningHours rows with the keys ``replaces`` by one week; booked appointments do not change.

    The new rows take the refs of the old ones, so that the address of the week stays.
    """
    lock_practitioners([practitioner.pk])
    replaced = OpeningHours.objects.filter(practitioner=practitioner, pk__in=replaces)
    refs = iter(list(replaced.values_list("ref", flat=True)))
    replaced.delete()
    rows = OpeningHours.objects.bulk_create(
        OpeningHours(
            ref=next(refs, None) or new_ref(),
            practitioner=practitioner,
            location=pattern.location,
            weekday=weekly_range.weekday,
            starts_min=weekly_range.starts_min,
            ends_min=weekly_range.ends_min,
            valid_from=pattern.valid_from,
            valid_to=pattern.valid_to,
            every_n_weeks=pattern.every_n_weeks,
            anchor_on=pattern.anchor_on,
        )
        for weekly_range in ranges
    )
    through = OpeningHours.appointment_types.through
    through.objects.bulk_create(
        through(openinghours_id=row.pk, appointmenttype_id=appointment_type.pk)
        for row in rows
        for appointment_type in pattern.appointment_types
    )
    audit.record(verb="hours.changed", ref=practitioner.ref, actor=actor, now=now)


def save_date(
    *,
    practitioner: Practitioner,
    location: Location,
    on_date: date,
    ranges: Sequence[tuple[int, int]],
    actor: str,
    now: datetime,
) -> None:
    """Write the hours of one local date: open in these ranges of minutes only, or closed when there is none."""
    lock_practitioners([practitioner.pk])
    OpeningException.objects.filter(
        practitioner=practitioner, location=location, on_date=on_date
    ).delete()
    rows: Sequence[tuple[int | None, int | None]] = ranges or [(None, None)]
    OpeningException.objects.bulk_create(
        OpeningException(
            practitioner=practitioner,
            location=location,
            on_date=on_date,
            starts_min=starts,
            ends_min=ends,
        )
        for starts, ends in rows
    )
    audit.record(verb="hours.date_changed", ref=practitioner.ref, actor=actor, now=now)


def clear_date(
    *, practitioner: Practitioner, location_id: int, on_date: date, actor: str, now: datetime
) -> None:
    """Delete the exceptions of one local date; the weekly hours apply again."""
    OpeningException.objects.filter(
        practitioner=practitioner, location_id=location_id, on_date=on_date
    ).delete()
    audit.record(verb="hours.date_changed", ref=practitioner.ref, actor=actor, now=now)


def change_holidays(
    *,
    location: Location,
    shown: Collection[date],
    opened: Collection[date],
    customary: Collection[str],
    actor: str,
    now: datetime,
) -> None:
    """Open the holidays ``opened`` among those ``shown`` and close the others (B-17: closed by default).

    ``customary`` are the codes of the customary days on which the place is closed; one that is not usual there is
    left out. The caller holds the lock of the location's editor, which saves all columns.
    """
    HolidayOpening.objects.filter(location=location, on_date__in=shown).delete()
    HolidayOpening.objects.bulk_create(
        HolidayOpening(location=location, on_date=on) for on in sorted(set(opened) & set(shown))
    )
    usual = customary_days(territory=location.territory, postcode=location.postcode)
    location.customary_days = " ".join(code for code in usual if code in customary)
    location.save(update_fields=["customary_days"])
    audit.record(verb="holidays.changed", ref=location.ref, actor=actor, now=now)
