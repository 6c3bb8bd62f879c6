"""Free slots computed from the tables, and the number of their queries."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.models import (
    Absence,
    Appointment,
    HolidayOpening,
    OpeningException,
    Replacement,
)
from booking.rules.availability import instant_of
from booking.rules.opening_hours import WeeklyHours
from booking.scheduling.opening_rules import HoursDraft
from booking.scheduling.queries import (
    Slot,
    availability,
    free_slots,
)
from booking.web.public import search
from tenants.schema import Unit
from tests.factories import (
    NOW,
    Cabinet,
    make_appointment,
    make_hours,
    make_location,
    make_practitioner,
    make_type,
)

PARIS = ZoneInfo("Europe/Paris")
MONDAY = date(2026, 11, 16)


def slots(cabinet: Cabinet, on: date = MONDAY, **changed: Any) -> list[Slot]:
    values: dict[str, Any] = {
        "appointment_type": cabinet.type,
        "from_on": on,
        "until_on": on,
        "now": NOW,
    }
    return free_slots(**values | changed)


def clocks(found: list[Slot]) -> list[str]:
    return [slot.starts_at.astimezone(ZoneInfo(slot.zone)).strftime("%H:%M") for slot in found]


def at(hour: int, minute: int = 0, on: date = MONDAY) -> datetime:
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=PARIS)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    """A practice open from 9 to 12 on week days, with an appointment type of 45 minutes."""
    made = Cabinet()
    for hours in made.hours:
        hours.ends_min = 12 * 60
        hours.save(update_fields=["ends_min"])
    return made


def test_an_empty_day_offers_its_whole_grid(cabinet: Cabinet) -> None:
    found = slots(cabinet)

    assert clocks(found) == ["09:00", "09:45", "10:30", "11:15"]
    assert found[0].ends_at - found[0].starts_at == timedelta(minutes=45)
    assert found[0].practitioner_id == cabinet.practitioner.pk
    assert found[0].location_id == cabinet.location.pk


def test_a_booked_time_is_hidden_with_its_margins(cabinet: Cabinet) -> None:
    cabinet.type.buffer_after_min = 10
    cabinet.type.save(update_fields=["buffer_after_min"])
    make_appointment(cabinet, at(9, 45))

    assert clocks(slots(cabinet)) == ["11:15"]


def test_a_cancelled_appointment_hides_nothing(cabinet: Cabinet) -> None:
    booked = make_appointment(cabinet, at(9))
    Appointment.objects.filter(pk=booked.pk).update(
        status=Appointment.Status.CANCELLED_BY_PATIENT, cancelled_at=NOW
    )

    assert "09:00" in clocks(slots(cabinet))


@pytest.mark.parametrize(("seconds", "is_hidden"), [(1, True), (0, False), (-60, False)])
def test_a_hold_hides_its_slot_until_it_expires(
    cabinet: Cabinet, seconds: int, is_hidden: bool
) -> None:
    appointment = make_appointment(cabinet, at(9))
    Appointment.objects.filter(pk=appointment.pk).update(
        status=Appointment.Status.HELD,
        booked_at=None,
        held_until=NOW + timedelta(seconds=seconds),
    )

    assert ("09:00" not in clocks(slots(cabinet))) is is_hidden


def test_a_move_may_land_on_its_own_time(cabinet: Cabinet) -> None:
    booked = make_appointment(cabinet, at(9, 45))

    found = slots(cabinet, ignore_appointment=booked.pk)

    assert clocks(found) == ["09:00", "09:45", "10:30", "11:15"]


def test_the_last_date_of_a_move_counts_from_the_first_booking(cabinet: Cabinet) -> None:
    cabinet.type.horizon_days = 354
    cabinet.type.save(update_fields=["horizon_days"])
    booked = make_appointment(cabinet, at(9))
    later = NOW + timedelta(days=300)
    limit = NOW.date() + timedelta(days=354)

    found = slots(
        cabinet,
        from_on=limit - timedelta(days=6),
        until_on=limit + timedelta(days=30),
        now=later,
        ignore_appointment=booked.pk,
    )

    assert max(slot.starts_at.astimezone(PARIS).date() for slot in found) <= limit
    assert found


def test_an_absence_hides_its_time(cabinet: Cabinet) -> None:
    Absence.objects.create(practitioner=cabinet.practitioner, starts_at=at(9), ends_at=at(10))

    assert clocks(slots(cabinet)) == ["10:30", "11:15"]


def test_an_absence_of_the_whole_practice_hides_all_agendas(cabinet: Cabinet) -> None:
    other = make_practitioner("Peio Exemple")
    cabinet.type.practitioners.add(other)
    make_hours(other, cabinet.location, ends_min=12 * 60)
    Absence.objects.create(starts_at=at(0), ends_at=at(11))

    assert clocks(slots(cabinet)) == ["11:15", "11:15"]


def test_a_long_absence_counts_though_it_began_weeks_ago(cabinet: Cabinet) -> None:
    Absence.objects.create(
        practitioner=cabinet.practitioner,
        starts_at=at(9) - timedelta(days=90),
        ends_at=at(9) + timedelta(days=90),
    )

    assert slots(cabinet) == []


def test_an_exception_replaces_the_week_there(cabinet: Cabinet) -> None:
    OpeningException.objects.create(
        practitioner=cabinet.practitioner,
        location=cabinet.location,
        on_date=MONDAY,
        starts_min=14 * 60,
        ends_min=15 * 60,
    )

    assert clocks(slots(cabinet)) == ["14:00"]


def test_a_public_holiday_is_closed_until_it_is_opened(cabinet: Cabinet) -> None:
    armistice = date(2026, 11, 11)

    closed = slots(cabinet, armistice)
    HolidayOpening.objects.create(location=cabinet.location, on_date=armistice)

    assert closed == []
    assert clocks(slots(cabinet, armistice)) == ["09:00", "09:45", "10:30", "11:15"]


def test_local_law_of_strasbourg_closes_the_day_after_christmas(cabinet: Cabinet) -> None:
    cabinet.location.postcode = "67000"
    cabinet.location.save(update_fields=["postcode"])
    make_hours(cabinet.practitioner, cabinet.location, weekdays=[5], ends_min=12 * 60)

    assert slots(cabinet, date(2026, 12, 26)) == []
    assert slots(cabinet, date(2026, 12, 19)) != []


def test_hours_kept_for_some_appointment_types_are_not_for_others(cabinet: Cabinet) -> None:
    first = make_type([cabinet.practitioner], [cabinet.location], label="Première consultation")
    monday = cabinet.hours[0]
    monday.appointment_types.add(first)

    assert slots(cabinet) == []
    assert slots(cabinet, appointment_type=first) != []


def test_a_draft_answers_as_if_it_were_written(cabinet: Cabinet) -> None:
    make_appointment(cabinet, at(14))
    monday = cabinet.hours[0]
    afternoon = WeeklyHours(cabinet.location.pk, monday.weekday, 14 * 60, 16 * 60)

    beside = HoursDraft(cabinet.practitioner.pk, [afternoon])
    instead = HoursDraft(cabinet.practitioner.pk, [afternoon], frozenset({monday.pk}))

    assert clocks(slots(cabinet, draft=instead)) == ["14:45"]
    assert clocks(slots(cabinet, draft=beside))[-2:] == ["11:15", "14:45"]
    assert clocks(slots(cabinet))[-1] == "11:15"


def test_the_min_notice_of_the_appointment_type_is_kept(cabinet: Cabinet) -> None:
    cabinet.type.min_notice_min = 60
    cabinet.type.save(update_fields=["min_notice_min"])

    assert clocks(slots(cabinet, now=at(9, 0))) == ["10:30", "11:15"]
    assert clocks(slots(cabinet, now=at(9, 0), by_staff=True)) == [
        "09:00",
        "09:45",
        "10:30",
        "11:15",
    ]


def test_the_horizon_of_the_appointment_type_is_kept_but_for_staff(cabinet: Cabinet) -> None:
    cabinet.type.horizon_days = 3
    cabinet.type.save(update_fields=["horizon_days"])

    assert slots(cabinet) == []
    assert slots(cabinet, by_staff=True) != []


def test_a_short_retention_brings_the_last_date_nearer(cabinet: Cabinet) -> None:
    cabinet.practice.retention_days = 7
    cabinet.practice.save(update_fields=["retention_days"])

    assert slots(cabinet, by_staff=True) == []
    assert slots(cabinet, date(2026, 11, 13), by_staff=True) != []


def test_a_substitute_is_named_and_the_agenda_stays(cabinet: Cabinet) -> None:
    Replacement.objects.create(
        practitioner=cabinet.practitioner,
        substitute_name="Ane Exemple",
        from_on=MONDAY,
        to_on=MONDAY,
    )

    found = slots(cabinet, until_on=MONDAY + timedelta(days=1))

    assert {slot.practitioner_id for slot in found} == {cabinet.practitioner.pk}
    assert [slot.substitute_name for slot in found] == ["Ane Exemple"] * 4 + [""] * 4


def test_only_practitioners_of_the_appointment_type_are_offered(cabinet: Cabinet) -> None:
    other = make_practitioner("Peio Exemple")
    make_hours(other, cabinet.location)

    assert {slot.practitioner_id for slot in slots(cabinet)} == {cabinet.practitioner.pk}
    assert slots(cabinet, practitioners=[other.pk]) == []


def test_one_place_can_be_asked_for(cabinet: Cabinet) -> None:
    island = make_location(name="Saint-Denis", time_zone="Indian/Reunion", postcode="97400")
    cabinet.type.locations.add(island)
    make_hours(cabinet.practitioner, island, weekdays=[0], starts_min=840, ends_min=885)

    assert clocks(slots(cabinet, location=island)) == ["14:00"]
    # By instant: 14:00 there is 11:00 in Paris.
    assert clocks(slots(cabinet)) == ["09:00", "09:45", "10:30", "14:00", "11:15"]


def test_slots_of_the_same_hour_have_the_order_of_the_practice(cabinet: Cabinet) -> None:
    first = make_practitioner("Peio Exemple", position=-1)
    cabinet.type.practitioners.add(first)
    make_hours(first, cabinet.location, ends_min=12 * 60)

    found = slots(cabinet)

    assert [slot.practitioner_id for slot in found[:2]] == [first.pk, cabinet.practitioner.pk]


def test_an_inactive_practitioner_offers_nothing(cabinet: Cabinet) -> None:
    cabinet.practitioner.is_active = False
    cabinet.practitioner.save(update_fields=["is_active"])

    assert slots(cabinet) == []


def test_a_query_of_a_century_is_limited_to_the_horizon(cabinet: Cabinet) -> None:
    found = slots(cabinet, from_on=date.min, until_on=date.max)

    assert found[0].starts_at >= NOW
    assert found[-1].starts_at.astimezone(PARIS).date() <= NOW.date() + timedelta(days=90)


@pytest.mark.parametrize(("days", "people"), [(1, 1), (90, 1), (1, 5), (90, 5)])
def test_three_queries_at_most_whatever_the_horizon_and_the_people(
    cabinet: Cabinet, days: int, people: int
) -> None:
    for number in range(1, people):
        person = make_practitioner(f"Personne Exemple {number}")
        cabinet.type.practitioners.add(person)
        make_hours(person, cabinet.location)

    until_on = MONDAY + timedelta(days=days)
    everybody = list(cabinet.type.practitioners.values_list("pk", flat=True))

    with CaptureQueriesContext(connection) as captured:
        found = slots(cabinet, until_on=until_on)
    with CaptureQueriesContext(connection) as captured_when_chosen:
        again = slots(
            cabinet, until_on=until_on, location=cabinet.location, practitioners=everybody
        )

    assert found == again != []
    assert len(captured) == 3
    assert len(captured_when_chosen) == 2


def test_minutes_are_rounded_outwards(cabinet: Cabinet) -> None:
    Absence.objects.create(
        practitioner=cabinet.practitioner,
        starts_at=at(9, 44) + timedelta(seconds=59, microseconds=999_999),
        ends_at=at(10, 30) + timedelta(microseconds=1),
    )

    assert clocks(slots(cabinet)) == ["11:15"]


def test_slots_of_a_night_with_a_clock_change(cabinet: Cabinet) -> None:
    sunday = date(2027, 3, 28)
    cabinet.type.duration_min, cabinet.type.horizon_days = 30, 354
    cabinet.type.save(update_fields=["duration_min", "horizon_days"])
    HolidayOpening.objects.create(location=cabinet.location, on_date=sunday)
    make_hours(cabinet.practitioner, cabinet.location, weekdays=[6], starts_min=60, ends_min=240)

    assert clocks(slots(cabinet, sunday)) == ["01:00", "01:30", "03:00", "03:30"]


def test_instants_are_in_utc(cabinet: Cabinet) -> None:
    found = slots(cabinet)

    assert all(slot.starts_at.tzinfo is UTC for slot in found)
    assert found[0].starts_at == instant_of(int(at(9).timestamp()) // 60)


@pytest.mark.parametrize("days", [-3, 0, 1, 5, 12, 25])
@pytest.mark.parametrize("away", [0, 4, 9])
def test_the_nearest_slots_are_those_of_the_whole_list(
    cabinet: Cabinet, days: int, away: int
) -> None:
    """With an absence of several days around the instant, the search continues beyond it."""
    around = at(10, 10) + timedelta(days=days)
    Absence.objects.create(
        practitioner=cabinet.practitioner,
        starts_at=around - timedelta(days=away, minutes=1),
        ends_at=around + timedelta(days=away),
    )
    search_query = search.search_for(cabinet.type, cabinet.location, cabinet.practitioner)
    last = search.last_day(search_query, today=NOW.date())
    offer = search.search_around(search_query, around, now=NOW, until_on=last)

    every = slots(cabinet, offer.availability.from_on, until_on=offer.availability.until_on)
    every.sort(key=lambda slot: (abs(slot.starts_at - around), slot.starts_at))

    assert len(every) > 3
    assert [slot.starts_at for slot in offer.nearest(around)] == sorted(
        slot.starts_at for slot in every[:3]
    )
    assert [slot.starts_at for slot in offer.nearest(around, without=every[0].starts_at)] == sorted(
        slot.starts_at for slot in every[1:4]
    )


def test_a_slot_beyond_the_next_day_may_be_nearer(cabinet: Cabinet) -> None:
    """Late on Wednesday, with that day and Thursday closed: Friday morning is nearer than Tuesday's."""
    wednesday = MONDAY + timedelta(days=2)
    Absence.objects.create(
        starts_at=at(0, on=wednesday), ends_at=at(0, on=wednesday + timedelta(days=2))
    )
    search_query = search.search_for(cabinet.type, cabinet.location, cabinet.practitioner)
    around = at(23, 50, on=wednesday)

    offer = search.search_around(
        search_query, around, now=NOW, until_on=wednesday + timedelta(days=20)
    )

    assert {slot.day for slot in offer.nearest(around)} == {wednesday + timedelta(days=2)}


def test_an_hour_at_which_two_are_free_appears_once(cabinet: Cabinet) -> None:
    other = make_practitioner("Hugo Fictif")
    make_hours(other, cabinet.location)
    cabinet.type.practitioners.add(other)

    free = availability(appointment_type=cabinet.type, from_on=MONDAY, until_on=MONDAY, now=NOW)
    found = free.closest(at(9, 10), MONDAY, MONDAY, count=3)

    assert clocks(found) == ["09:00", "09:45", "10:30"]
    assert {slot.practitioner_id for slot in found} == {cabinet.practitioner.pk}
