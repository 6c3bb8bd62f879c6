"""The hours of a date, and that each reader of the opening rules gives the same answer."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from booking.models import Absence, HolidayOpening, OpeningException
from booking.rules.opening_hours import Interval, Source
from booking.scheduling.calendar import DayKind, days_of
from booking.scheduling.open_minutes import opened_minutes
from booking.scheduling.opening_rules import (
    Closed,
    appointments_outside_hours,
    closed_holiday,
    read_rules,
    why_closed,
)
from booking.scheduling.queries import availability, free_slots
from tenants.schema import Unit
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_hours,
    make_location,
    make_practitioner,
    make_type,
)

PARIS = ZoneInfo("Europe/Paris")
TUESDAY = date(2026, 11, 10)
ARMISTICE = date(2026, 11, 11)  # a Wednesday
SATURDAY = date(2026, 11, 14)
USUAL = (9 * 60, 18 * 60)
TEN_TO_NOON = (10 * 60, 12 * 60)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    """A practice open from Monday to Friday, 9 to 18, with an appointment type of 45 minutes."""
    return Cabinet()


def make_exception(cabinet: Cabinet, on: date, *ranges: Interval, **fields: Any) -> None:
    values: dict[str, Any] = {
        "practitioner": cabinet.practitioner,
        "location": cabinet.location,
        "on_date": on,
    }
    for starts, ends in ranges or [(None, None)]:
        OpeningException.objects.create(
            **values | fields | {"starts_min": starts, "ends_min": ends}
        )


def open_holiday(cabinet: Cabinet, on: date = ARMISTICE) -> None:
    HolidayOpening.objects.create(location=cabinet.location, on_date=on)


def close_an_opened_holiday(cabinet: Cabinet) -> None:
    open_holiday(cabinet)
    make_exception(cabinet, ARMISTICE)


def hours_on(cabinet: Cabinet, on: date, appointment_type: int | None = None) -> tuple[Any, Any]:
    rules = read_rules(practitioner_ids=[cabinet.practitioner.pk], from_on=on)
    timetable = rules.timetable(
        cabinet.practitioner.pk,
        cabinet.location,
        years=[on.year],
        appointment_type=appointment_type,
    )
    source, ranges = timetable.on(on)
    return source, sorted(ranges)


def closed_at(cabinet: Cabinet, starts_at: datetime, minutes: int = 45) -> Closed | None:
    return why_closed(
        practitioner=cabinet.practitioner,
        location=cabinet.location,
        appointment_type=cabinet.type,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
    )


# --- The hours of a date --------------------------------------------------------------------------------
Change = Callable[[Cabinet], object]
TABLE: list[tuple[str, Change, date, Source, list[Interval]]] = [
    ("a week day", lambda _: None, TUESDAY, Source.WEEK, [USUAL]),
    ("a day without hours", lambda _: None, SATURDAY, Source.WEEK, []),
    ("a closed holiday", lambda _: None, ARMISTICE, Source.HOLIDAY, []),
    ("an opened holiday", open_holiday, ARMISTICE, Source.WEEK, [USUAL]),
    (
        "other hours",
        lambda c: make_exception(c, TUESDAY, TEN_TO_NOON),
        TUESDAY,
        Source.EXCEPTION,
        [TEN_TO_NOON],
    ),
    (
        "two ranges add up",
        lambda c: make_exception(c, TUESDAY, TEN_TO_NOON, (840, 900)),
        TUESDAY,
        Source.EXCEPTION,
        [TEN_TO_NOON, (840, 900)],
    ),
    ("closed that date", lambda c: make_exception(c, TUESDAY), TUESDAY, Source.EXCEPTION, []),
    (
        "hours on a day without hours",
        lambda c: make_exception(c, SATURDAY, TEN_TO_NOON),
        SATURDAY,
        Source.EXCEPTION,
        [TEN_TO_NOON],
    ),
    (
        "hours on a closed holiday",
        lambda c: make_exception(c, ARMISTICE, TEN_TO_NOON),
        ARMISTICE,
        Source.EXCEPTION,
        [TEN_TO_NOON],
    ),
    (
        "closed on an opened holiday",
        close_an_opened_holiday,
        ARMISTICE,
        Source.EXCEPTION,
        [],
    ),
    (
        "another place has its own exceptions",
        lambda c: make_exception(c, TUESDAY, TEN_TO_NOON, location=make_location(name="Annexe")),
        TUESDAY,
        Source.WEEK,
        [USUAL],
    ),
    (
        "a colleague has their own exceptions",
        lambda c: make_exception(c, TUESDAY, TEN_TO_NOON, practitioner=make_practitioner("Hugo")),
        TUESDAY,
        Source.WEEK,
        [USUAL],
    ),
    (
        "another place opens its own holidays",
        lambda _: HolidayOpening.objects.create(
            location=make_location(name="Annexe"), on_date=ARMISTICE
        ),
        ARMISTICE,
        Source.HOLIDAY,
        [],
    ),
]


@pytest.mark.parametrize(
    ("change", "on", "source", "ranges"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_hours_of_a_date(
    cabinet: Cabinet, change: Change, on: date, source: Source, ranges: list[Interval]
) -> None:
    change(cabinet)

    assert hours_on(cabinet, on) == (source, ranges)


@pytest.mark.parametrize(
    ("fields", "has_hours"),
    [
        ({"every_n_weeks": 2, "anchor_on": date(2026, 11, 12)}, True),
        ({"every_n_weeks": 2, "anchor_on": date(2026, 11, 8)}, False),
        ({"every_n_weeks": 2, "anchor_on": date(2026, 11, 16)}, False),
        ({"every_n_weeks": 3, "anchor_on": date(2026, 12, 7)}, False),
        ({"every_n_weeks": 3, "anchor_on": date(2026, 12, 1)}, True),
        ({"valid_from": SATURDAY}, True),
        ({"valid_from": SATURDAY + timedelta(days=1)}, False),
        ({"valid_to": SATURDAY}, True),
        ({"valid_to": SATURDAY - timedelta(days=1)}, False),
    ],
)
def test_hours_of_some_weeks_and_dates(
    cabinet: Cabinet, fields: dict[str, Any], has_hours: bool
) -> None:
    make_hours(cabinet.practitioner, cabinet.location, weekdays=[5], **fields)

    assert hours_on(cabinet, SATURDAY)[1] == ([USUAL] if has_hours else [])


def test_a_range_of_some_appointment_types_is_none_of_the_others(cabinet: Cabinet) -> None:
    other = keep_saturday_for_another_type(cabinet)

    assert hours_on(cabinet, SATURDAY, other)[1] == [USUAL]
    assert hours_on(cabinet, SATURDAY, cabinet.type.pk)[1] == []
    assert hours_on(cabinet, SATURDAY)[1] == [USUAL]


def keep_saturday_for_another_type(cabinet: Cabinet) -> int:
    other = make_type([cabinet.practitioner], [cabinet.location], label="Bilan")
    for row in make_hours(cabinet.practitioner, cabinet.location, weekdays=[5]):
        row.appointment_types.add(other)
    return other.pk


# --- Each reader gives the same answer: hours on a closed holiday ------------------------------------------
def slots_of(cabinet: Cabinet, on: date) -> list[datetime]:
    found = free_slots(appointment_type=cabinet.type, from_on=on, until_on=on, now=NOW)
    return [slot.starts_at for slot in found]


def test_patients_are_offered_the_hours_of_a_holiday(cabinet: Cabinet) -> None:
    make_exception(cabinet, ARMISTICE, TEN_TO_NOON)

    assert slots_of(cabinet, ARMISTICE) == [local(ARMISTICE, 10), local(ARMISTICE, 10, 45)]


def test_a_holiday_with_hours_is_no_closed_holiday_for_patients(cabinet: Cabinet) -> None:
    def is_closed() -> bool:
        read = availability(
            appointment_type=cabinet.type, from_on=ARMISTICE, until_on=ARMISTICE, now=NOW
        )
        return read.is_closed_holiday(cabinet.location.pk, ARMISTICE)

    before = is_closed()
    make_exception(cabinet, ARMISTICE, TEN_TO_NOON)

    assert (before, is_closed()) == (True, False)


def test_staff_are_not_warned_of_the_hours_of_a_holiday(cabinet: Cabinet) -> None:
    before = closed_at(cabinet, local(ARMISTICE, 10))
    make_exception(cabinet, ARMISTICE, TEN_TO_NOON)

    assert before is Closed.HOLIDAY
    assert closed_at(cabinet, local(ARMISTICE, 10)) is None
    assert closed_at(cabinet, local(ARMISTICE, 15)) is Closed.HOURS


def test_the_calendar_shows_the_hours_of_a_holiday(cabinet: Cabinet) -> None:
    make_exception(cabinet, ARMISTICE, TEN_TO_NOON)

    (day,) = days_of(practitioner=cabinet.practitioner, first=ARMISTICE, count=1, zone=PARIS)

    assert (day.kind, day.ranges, day.is_open) == (DayKind.SPECIAL, [TEN_TO_NOON], True)


def test_the_statistics_count_the_hours_of_a_holiday(cabinet: Cabinet) -> None:
    make_exception(cabinet, ARMISTICE, TEN_TO_NOON)

    assert minutes_of(cabinet, ARMISTICE) == 120


def test_the_agenda_does_not_call_a_holiday_with_hours_closed(cabinet: Cabinet) -> None:
    other = make_practitioner("Hugo Fictif")

    def name(*practitioners: int) -> str:
        rules = read_rules(practitioner_ids=practitioners, from_on=ARMISTICE)
        return closed_holiday(
            rules=rules, practitioner_ids=practitioners, places=[cabinet.location], on=ARMISTICE
        )

    before = name(cabinet.practitioner.pk, other.pk)
    make_exception(cabinet, ARMISTICE, TEN_TO_NOON)

    assert (before, name(), name(other.pk)) == ("Armistice", "Armistice", "Armistice")
    assert name(cabinet.practitioner.pk, other.pk) == ""


def test_only_appointments_that_the_rules_would_not_offer_are_outside_hours(
    cabinet: Cabinet,
) -> None:
    make_exception(cabinet, ARMISTICE, TEN_TO_NOON)
    inside = make_appointment(cabinet, local(ARMISTICE, 10))
    afternoon = make_appointment(cabinet, local(ARMISTICE, 14))
    holiday = make_appointment(cabinet, local(date(2026, 12, 25), 10))

    found = appointments_outside_hours(practitioner=cabinet.practitioner, now=NOW)

    assert found == [afternoon, holiday]
    assert inside not in found


# --- Where the readers differed -------------------------------------------------------------------------
def minutes_of(cabinet: Cabinet, on: date) -> int:
    key = (cabinet.practitioner.pk, on)
    return opened_minutes(practitioner_ids=[key[0]], from_on=on, until_on=on)[key]


def test_staff_are_warned_of_hours_of_other_appointment_types(cabinet: Cabinet) -> None:
    keep_saturday_for_another_type(cabinet)

    assert slots_of(cabinet, SATURDAY) == []
    assert closed_at(cabinet, local(SATURDAY, 10)) is Closed.HOURS
    assert minutes_of(cabinet, SATURDAY) == 540


def test_an_archived_place_has_no_open_minutes(cabinet: Cabinet) -> None:
    cabinet.location.is_active = False
    cabinet.location.save(update_fields=["is_active"])

    assert slots_of(cabinet, TUESDAY + timedelta(days=2)) == []
    assert minutes_of(cabinet, TUESDAY + timedelta(days=2)) == 0


def test_the_repeated_hour_of_autumn_is_closed_for_staff_too(cabinet: Cabinet) -> None:
    make_hours(cabinet.practitioner, cabinet.location, weekdays=[6], starts_min=60, ends_min=300)
    first = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 02:00 in Paris, for the first time

    assert closed_at(cabinet, first) is None
    assert closed_at(cabinet, first + timedelta(hours=1)) is Closed.HOURS
    assert closed_at(cabinet, first + timedelta(hours=2)) is None


def test_a_time_over_two_openings_is_in_neither(cabinet: Cabinet) -> None:
    make_exception(cabinet, TUESDAY, TEN_TO_NOON, (12 * 60, 15 * 60))

    assert closed_at(cabinet, local(TUESDAY, 11, 15)) is None
    assert closed_at(cabinet, local(TUESDAY, 11, 30)) is Closed.HOURS


def test_an_absence_is_the_first_reason(cabinet: Cabinet) -> None:
    Absence.objects.create(starts_at=local(ARMISTICE, 8), ends_at=local(ARMISTICE, 12))

    assert closed_at(cabinet, local(ARMISTICE, 10)) is Closed.ABSENCE


def test_why_closed_takes_two_queries(cabinet: Cabinet, count_queries: Callable[[], Any]) -> None:
    with count_queries() as queries:
        closed_at(cabinet, local(TUESDAY, 10))

    assert len(queries) == 2
