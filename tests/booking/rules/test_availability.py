"""Free starts: examples on the nights of a clock change, and a comparison with the naive reference."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.rules.availability import (
    Agenda,
    Place,
    SlotShape,
    day_span,
    free_starts,
    instant_of,
    minute_from,
    minute_of,
)
from booking.rules.opening_hours import DayException, WeeklyHours
from tests.naive import free_on

PARIS = "Europe/Paris"
ZONES = (
    PARIS,
    "Indian/Reunion",
    "America/Martinique",
    "Pacific/Tahiti",
    "Pacific/Marquesas",
    "America/Miquelon",
)
SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)


def make_shape(
    duration: int = 30,
    *,
    before: int = 0,
    after: int = 0,
    step: int = 30,
    earliest: int = 0,
    appointment_type: int = 1,
) -> SlotShape:
    return SlotShape(appointment_type, duration, before, after, step, earliest)


def make_place(zone: str = PARIS, closed: Iterable[date] = (), last_on: date = date.max) -> Place:
    return Place(1, zone, frozenset(closed), last_on)


def every_day(starts: int, ends: int) -> list[WeeklyHours]:
    return [WeeklyHours(1, weekday, starts, ends) for weekday in range(7)]


def shown(
    on: date,
    shape: SlotShape,
    *,
    hours: Iterable[WeeklyHours] = (),
    exceptions: Iterable[DayException] = (),
    busy: Iterable[tuple[int, int]] = (),
    at: Place | None = None,
) -> list[str]:
    """Return the free starts of one date as local times, "09:00"."""
    at = at or make_place()
    agenda = Agenda(7, list(hours), list(exceptions), list(busy))
    found = free_starts(shape=shape, agendas=[agenda], places={1: at}, from_on=on, until_on=on)
    zone = ZoneInfo(at.zone)
    return [instant_of(each.minute).astimezone(zone).strftime("%H:%M") for each in found]


def minute_at(on: date, minute: int, zone: str = PARIS) -> int:
    at = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)) + timedelta(minutes=minute)
    return minute_of(at)


def test_a_wall_time_that_does_not_exist_is_no_slot() -> None:
    assert shown(SPRING, make_shape(), hours=every_day(60, 240)) == [
        "01:00",
        "01:30",
        "03:00",
        "03:30",
    ]


def test_an_opening_inside_the_missing_hour_gives_no_slot() -> None:
    assert shown(SPRING, make_shape(), hours=every_day(120, 180)) == []


def test_a_slot_runs_across_the_missing_hour_in_real_time() -> None:
    assert shown(SPRING, make_shape(60), hours=every_day(60, 240)) == ["01:00", "01:30", "03:00"]


def test_the_grid_follows_the_wall_clock_after_the_missing_hour() -> None:
    assert shown(SPRING, make_shape(25, step=25), hours=every_day(60, 240)) == [
        "01:00",
        "01:25",
        "01:50",
        "03:05",
        "03:30",
    ]


def test_a_repeated_wall_time_is_proposed_once() -> None:
    assert shown(AUTUMN, make_shape(), hours=every_day(60, 240)) == [
        "01:00",
        "01:30",
        "02:00",
        "02:30",
        "03:00",
        "03:30",
    ]


def test_no_slot_runs_into_the_repeated_hour() -> None:
    assert "02:30" not in shown(AUTUMN, make_shape(60), hours=every_day(60, 240))


@pytest.mark.parametrize("on", [SPRING, AUTUMN, date(2028, 2, 29), date(2027, 6, 1)])
@pytest.mark.parametrize("zone", ZONES)
def test_the_day_has_the_same_wall_clock_on_every_date(on: date, zone: str) -> None:
    times = shown(on, make_shape(60, step=60), hours=every_day(540, 720), at=make_place(zone))

    assert times == ["09:00", "10:00", "11:00"]


def test_margins_keep_away_from_busy_time_but_may_leave_the_opening() -> None:
    on = date(2027, 6, 1)
    busy = [(minute_at(on, 600), minute_at(on, 630))]

    times = shown(on, make_shape(30, before=10, after=10), hours=every_day(540, 720), busy=busy)

    assert times == ["09:00", "11:00", "11:30"]


def test_busy_time_that_touches_does_not_hide() -> None:
    on = date(2027, 6, 1)
    busy = [(minute_at(on, 540), minute_at(on, 570)), (minute_at(on, 600), minute_at(on, 630))]

    assert shown(on, make_shape(), hours=every_day(540, 660), busy=busy) == ["09:30", "10:30"]


def test_a_long_absence_hides_more_than_the_appointments_it_contains() -> None:
    on = date(2027, 6, 1)
    busy = [(minute_at(on, 540), minute_at(on, 660)), (minute_at(on, 570), minute_at(on, 580))]

    assert shown(on, make_shape(), hours=every_day(540, 720), busy=busy) == ["11:00", "11:30"]


def test_a_closing_exception_stands_in_for_the_week() -> None:
    on = date(2027, 6, 1)

    assert (
        shown(on, make_shape(), hours=every_day(540, 600), exceptions=[DayException(1, on)]) == []
    )


def test_the_ranges_of_an_exception_stand_in_for_the_week() -> None:
    on = date(2027, 6, 1)
    exceptions = [DayException(1, on, 840, 870), DayException(1, on, 900, 930)]

    times = shown(on, make_shape(), hours=every_day(540, 600), exceptions=exceptions)

    assert times == ["14:00", "15:00"]


def test_an_exception_elsewhere_changes_nothing_here() -> None:
    on = date(2027, 6, 1)

    times = shown(on, make_shape(), hours=every_day(540, 600), exceptions=[DayException(2, on)])

    assert times == ["09:00", "09:30"]


def test_a_public_holiday_is_closed() -> None:
    on = date(2027, 7, 14)

    assert shown(on, make_shape(), hours=every_day(540, 600), at=make_place(closed=[on])) == []


def test_an_exception_with_hours_is_stronger_than_a_public_holiday() -> None:
    on = date(2027, 7, 14)
    exceptions = [DayException(1, on, 600, 630)]

    times = shown(
        on,
        make_shape(),
        hours=every_day(540, 600),
        exceptions=exceptions,
        at=make_place(closed=[on]),
    )

    assert times == ["10:00"]


def test_nothing_is_proposed_after_the_last_date() -> None:
    on = date(2027, 6, 1)

    assert (
        shown(on, make_shape(), hours=every_day(540, 600), at=make_place(last_on=date(2027, 5, 31)))
        == []
    )


def test_nothing_is_proposed_before_the_earliest_start() -> None:
    on = date(2027, 6, 1)
    shape = make_shape(earliest=minute_at(on, 541))

    assert shown(on, shape, hours=every_day(540, 660)) == ["09:30", "10:00", "10:30"]


def test_hours_for_other_appointment_types_do_not_count() -> None:
    hours = [WeeklyHours(1, 1, 540, 570, appointment_types=frozenset({2}))]

    assert shown(date(2027, 6, 1), make_shape(), hours=hours) == []
    assert shown(date(2027, 6, 1), make_shape(appointment_type=2), hours=hours) == ["09:00"]


@pytest.mark.parametrize(
    ("on", "times"),
    [
        (date(2027, 5, 25), []),
        (date(2027, 6, 1), ["09:00"]),
        (date(2027, 6, 8), []),
        (date(2027, 6, 15), ["09:00"]),
        (date(2027, 6, 22), []),
        (date(2027, 6, 29), []),
    ],
)
def test_every_second_week_counts_from_its_anchor_within_its_dates(
    on: date, times: list[str]
) -> None:
    hours = WeeklyHours(
        1,
        1,
        540,
        570,
        valid_from=date(2027, 6, 1),
        valid_to=date(2027, 6, 28),
        every_n_weeks=2,
        anchor=date(2027, 6, 3),
    )

    assert shown(on, make_shape(), hours=[hours]) == times


def test_overlapping_hours_propose_a_time_once() -> None:
    hours = every_day(540, 600) + every_day(570, 630)

    assert shown(date(2027, 6, 1), make_shape(), hours=hours) == ["09:00", "09:30", "10:00"]


@pytest.mark.parametrize(
    ("zone", "on", "length"),
    [(PARIS, SPRING, 23), (PARIS, AUTUMN, 25), ("America/Miquelon", date(2027, 3, 14), 23)],
)
def test_a_local_day_is_as_long_as_it_really_is(zone: str, on: date, length: int) -> None:
    start, end = day_span(zone, on, on)

    assert end - start == length * 60


def test_an_instant_inside_a_minute_rounds_both_ways() -> None:
    at = datetime(2027, 6, 1, 9, 0, 0, 1, tzinfo=UTC)

    assert minute_from(at) == minute_of(at) + 1
    assert minute_from(instant_of(minute_of(at))) == minute_of(at)


def around(zone: str) -> list[date]:
    """Return dates on which clocks may move, the leap day, and ordinary dates."""
    moves = [SPRING, AUTUMN]
    if zone == "America/Miquelon":
        moves = [date(2027, 3, 14), date(2027, 11, 7)]
    return [*moves, date(2028, 2, 29), date(2027, 6, 1), date(2026, 12, 31)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Agenda, Place, SlotShape, date]:
    zone = draw(st.sampled_from(ZONES))
    on = draw(st.sampled_from(around(zone)))
    minute = st.integers(0, 1440).map(lambda m: m // 5 * 5)
    span = st.tuples(minute, minute).filter(lambda pair: pair[0] < pair[1])
    start, end = day_span(zone, on, on)
    hours = [
        WeeklyHours(
            1,
            on.weekday(),
            *draw(span),
            every_n_weeks=draw(st.integers(1, 3)),
            anchor=on + timedelta(days=draw(st.integers(-30, 30))),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    exceptions = [
        DayException(1, on, *draw(st.one_of(span, st.just((None, None)))))
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2])))
    ]
    busy = sorted(
        (low, low + draw(st.integers(1, 120)))
        for low in draw(st.lists(st.integers(start - 100, end + 100), max_size=6))
    )
    closed = frozenset({on} if draw(st.integers(0, 9)) == 0 else ())
    shape = make_shape(
        draw(st.sampled_from([5, 15, 30, 45, 60, 90])),
        before=draw(st.sampled_from([0, 0, 5, 20])),
        after=draw(st.sampled_from([0, 0, 10, 35])),
        step=draw(st.sampled_from([5, 10, 15, 25, 30, 60])),
        earliest=draw(st.one_of(st.just(0), st.integers(start, end))),
    )
    return (
        Agenda(7, hours, exceptions, busy),
        Place(1, zone, closed, date.max),
        shape,
        on,
    )


@settings(max_examples=150, deadline=None)
@given(cases())
def test_free_starts_are_those_of_the_naive_reference(
    case: tuple[Agenda, Place, SlotShape, date],
) -> None:
    agenda, at, shape, on = case

    found = free_starts(shape=shape, agendas=[agenda], places={1: at}, from_on=on, until_on=on)

    assert {instant_of(each.minute) for each in found} == free_on(agenda, at, shape, on)
    assert found == sorted(set(found))
