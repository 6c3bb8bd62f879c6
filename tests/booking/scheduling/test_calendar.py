"""The kind of each date of a month for one practitioner."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.models import Absence, HolidayOpening, OpeningException
from booking.scheduling.calendar import (
    CalendarDay,
    DayKind,
    days_of,
)
from tenants.schema import Unit
from tests.factories import NOW, Cabinet, local, make_appointment, make_practitioner

PARIS = ZoneInfo("Europe/Paris")
FRIDAY = date(2026, 11, 13)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    """A practice open from Monday to Friday, 9 to 18."""
    return Cabinet()


def day(cabinet: Cabinet, on: date = FRIDAY) -> CalendarDay:
    return days_of(practitioner=cabinet.practitioner, first=on, count=1, zone=PARIS)[0]


def test_a_date_is_open_closed_or_a_holiday(cabinet: Cabinet) -> None:
    dates = (FRIDAY, FRIDAY + timedelta(days=1), date(2026, 12, 25))

    assert [day(cabinet, on).kind for on in dates] == [
        DayKind.OPEN,
        DayKind.CLOSED,
        DayKind.HOLIDAY,
    ]
    assert day(cabinet).ranges == [(540, 1080)]
    assert day(cabinet, date(2026, 12, 25)).holiday == "Noël"


def test_an_opened_holiday_follows_the_week(cabinet: Cabinet) -> None:
    HolidayOpening.objects.create(location=cabinet.location, on_date=date(2026, 12, 25))

    assert day(cabinet, date(2026, 12, 25)).kind is DayKind.OPEN


def test_an_exception_shows_the_hours_of_its_date(cabinet: Cabinet) -> None:
    OpeningException.objects.create(
        practitioner=cabinet.practitioner, location=cabinet.location, on_date=FRIDAY,
        starts_min=600, ends_min=660,
    )  # fmt: skip

    assert (day(cabinet).kind, day(cabinet).ranges) == (DayKind.SPECIAL, [(600, 660)])


@pytest.mark.parametrize("is_whole", [True, False])
def test_an_absence_closes_only_the_days_that_it_covers(cabinet: Cabinet, is_whole: bool) -> None:
    start = local(FRIDAY, 0) if is_whole else local(FRIDAY, 14)
    Absence.objects.create(starts_at=start, ends_at=local(FRIDAY + timedelta(days=1), 0))

    found = day(cabinet)

    assert found.kind is (DayKind.ABSENT if is_whole else DayKind.OPEN)
    assert len(found.absences) == 1
    assert day(cabinet, FRIDAY + timedelta(days=1)).absences == []


def test_a_colleague_s_absence_and_appointments_are_not_here(cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(FRIDAY, 9))
    other = make_practitioner("Hugo Fictif")
    Absence.objects.create(
        practitioner=other, starts_at=local(FRIDAY, 0), ends_at=local(FRIDAY, 20)
    )

    assert (day(cabinet).absences, day(cabinet).booked) == ([], 1)
    assert days_of(practitioner=other, first=FRIDAY, count=1, zone=PARIS)[0].booked == 0


def test_a_long_month_costs_as_many_queries_as_a_day(cabinet: Cabinet) -> None:
    with CaptureQueriesContext(connection) as queries:
        days_of(practitioner=cabinet.practitioner, first=NOW.date(), count=42, zone=PARIS)

    assert len(queries) == 5
