"""When a practitioner receives: the weeks, the dates that differ, the public holidays that are open."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from booking.holidays import public_holidays
from booking.models import (
    Absence,
    Appointment,
    AppointmentType,
    HolidayOpening,
    Location,
    OpeningException,
    OpeningHours,
    Practitioner,
)
from booking.services.locks import lock_practitioners
from tenants.trail import services as trail


@dataclass(frozen=True)
class Range:
    """Minutes of a local day, [starts, ends); ``weekday`` 0 is Monday."""

    weekday: int
    starts_min: int
    ends_min: int


@dataclass(frozen=True)
class Pattern:
    """Where, when and for which motifs a week holds. No motif: all of them; no date: always."""

    location: Location
    valid_from: date | None = None
    valid_to: date | None = None
    every_n_weeks: int = 1
    anchor_on: date | None = None
    appointment_types: tuple[AppointmentType, ...] = ()


def week_of(row: OpeningHours) -> list[OpeningHours]:
    """Return the rows that share the pattern of ``row``: one week as the editor shows it."""
    wanted = pattern_key(row)
    rows = OpeningHours.objects.filter(practitioner_id=row.practitioner_id).prefetch_related(
        "appointment_types"
    )
    return [other for other in rows if pattern_key(other) == wanted]


def pattern_key(row: OpeningHours) -> tuple[object, ...]:
    """Return what two rows of the same week have in common."""
    return (
        row.location_id,
        row.valid_from,
        row.valid_to,
        row.every_n_weeks,
        row.anchor_on,
        tuple(sorted(motif.pk for motif in row.appointment_types.all())),
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
    """Write one week in place of the rows ``replaces``; appointments already booked do not move."""
    lock_practitioners([practitioner.pk])
    OpeningHours.objects.filter(practitioner=practitioner, pk__in=replaces).delete()
    rows = OpeningHours.objects.bulk_create(
        OpeningHours(
            practitioner=practitioner,
            location=pattern.location,
            weekday=one.weekday,
            starts_min=one.starts_min,
            ends_min=one.ends_min,
            valid_from=pattern.valid_from,
            valid_to=pattern.valid_to,
            every_n_weeks=pattern.every_n_weeks,
            anchor_on=pattern.anchor_on,
        )
        for one in ranges
    )
    through = OpeningHours.appointment_types.through
    through.objects.bulk_create(
        through(openinghours_id=row.pk, appointmenttype_id=motif.pk)
        for row in rows
        for motif in pattern.appointment_types
    )
    trail.record(verb="hours.changed", ref=practitioner.ref, actor=actor, now=now)


def save_date(
    *,
    practitioner: Practitioner,
    location: Location,
    on_date: date,
    ranges: Sequence[tuple[int, int]],
    actor: str,
    now: datetime,
) -> None:
    """Make one date differ from the week: open on these ranges only, or closed without any."""
    lock_practitioners([practitioner.pk])
    OpeningException.objects.filter(
        practitioner=practitioner, location=location, on_date=on_date
    ).delete()
    wanted: Sequence[tuple[int | None, int | None]] = ranges or [(None, None)]
    OpeningException.objects.bulk_create(
        OpeningException(
            practitioner=practitioner,
            location=location,
            on_date=on_date,
            starts_min=starts,
            ends_min=ends,
        )
        for starts, ends in wanted
    )
    trail.record(verb="hours.date_changed", ref=practitioner.ref, actor=actor, now=now)


def forget_date(
    *, practitioner: Practitioner, location_id: int, on_date: date, actor: str, now: datetime
) -> None:
    """Let the week apply again on this date."""
    OpeningException.objects.filter(
        practitioner=practitioner, location_id=location_id, on_date=on_date
    ).delete()
    trail.record(verb="hours.date_changed", ref=practitioner.ref, actor=actor, now=now)


def open_holidays(
    *,
    location: Location,
    shown: Collection[date],
    opened: Collection[date],
    actor: str,
    now: datetime,
) -> None:
    """Among the holidays ``shown``, open exactly ``opened`` (B-17: closed by default)."""
    HolidayOpening.objects.filter(location=location, on_date__in=shown).delete()
    HolidayOpening.objects.bulk_create(
        HolidayOpening(location=location, on_date=on) for on in sorted(set(opened) & set(shown))
    )
    trail.record(verb="holidays.changed", ref=location.ref, actor=actor, now=now)


def outside(*, practitioner: Practitioner, now: datetime) -> list[Appointment]:
    """Return the coming appointments that fall outside the weeks: they stay, and are shown (B-16)."""
    rows = list(OpeningHours.objects.filter(practitioner=practitioner))
    exceptions = list(
        OpeningException.objects.filter(practitioner=practitioner, on_date__gte=now.date())
    )
    coming = Appointment.objects.select_related("location", "appointment_type").filter(
        practitioner=practitioner, status=Appointment.Status.BOOKED, starts_at__gte=now
    )
    return [
        held
        for held in coming.order_by("starts_at")
        if not _is_open(
            _minutes(held.location, held.starts_at, held.ends_at), held, rows, exceptions
        )
    ]


class Closed(TextChoices):
    """Why a time lies outside the rules: a warning for staff, never a wall."""

    ABSENCE = "absence", _("pendant une absence")
    HOLIDAY = "holiday", _("un jour férié fermé")
    HOURS = "hours", _("en dehors de vos horaires")


def why_closed(
    *, practitioner: Practitioner, location: Location, starts_at: datetime, ends_at: datetime
) -> Closed | None:
    """Return why nobody receives then by the rules, or None when somebody does."""
    touching = Absence.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)
    if touching.filter(Q(practitioner=practitioner) | Q(practitioner=None)).exists():
        return Closed.ABSENCE
    when = _minutes(location, starts_at, ends_at)
    holidays = public_holidays(
        territory=location.territory, postcode=location.postcode, year=when.on.year
    )
    if when.on in holidays and not location.holiday_openings.filter(on_date=when.on).exists():
        return Closed.HOLIDAY
    rows = list(OpeningHours.objects.filter(practitioner=practitioner))
    exceptions = list(OpeningException.objects.filter(practitioner=practitioner, on_date=when.on))
    asked = Appointment(location=location)
    return None if _is_open(when, asked, rows, exceptions) else Closed.HOURS


@dataclass(frozen=True)
class _Minutes:
    """A time in the local day of its place; past midnight the last minute goes beyond 1440."""

    on: date
    first: int
    last: int


def _minutes(location: Location, starts_at: datetime, ends_at: datetime) -> _Minutes:
    zone = ZoneInfo(location.time_zone)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    past_midnight = 24 * 60 if end.date() > start.date() else 0
    return _Minutes(
        on=start.date(),
        first=start.hour * 60 + start.minute,
        last=end.hour * 60 + end.minute + past_midnight,
    )


def _is_open(
    when: _Minutes,
    held: Appointment,
    rows: list[OpeningHours],
    exceptions: list[OpeningException],
) -> bool:
    differing = [
        (one.starts_min, one.ends_min)
        for one in exceptions
        if one.on_date == when.on and one.location_id == held.location_id
    ]
    ranges = differing or [
        (row.starts_min, row.ends_min)
        for row in rows
        if row.location_id == held.location_id and holds_on(row, when.on)
    ]
    return any(
        starts is not None and ends is not None and starts <= when.first and when.last <= ends
        for starts, ends in ranges
    )


def holds_on(row: OpeningHours, on: date) -> bool:
    """Return whether a weekly range applies on that local date."""
    if row.weekday != on.weekday():
        return False
    if (row.valid_from and on < row.valid_from) or (row.valid_to and row.valid_to < on):
        return False
    if row.every_n_weeks == 1 or row.anchor_on is None:
        return True
    weeks = ((on.toordinal() - 1) // 7) - ((row.anchor_on.toordinal() - 1) // 7)
    return weeks % row.every_n_weeks == 0
