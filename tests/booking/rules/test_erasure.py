"""The table of the erasure row by row, then properties of all cases."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.rules.erasure import (
    LIMIT_DAYS,
    Calendar,
    Case,
    ErasureFacts,
    Moment,
    Reminder,
    case_of,
    erase_at,
    erasure_limit,
    last_bookable_on,
    last_start,
    privacy_notice_moment,
    reminder_due,
    reminder_expires_at,
)
from tests.naive import eve

BOOKED = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
ENDS = datetime(2027, 3, 20, 10, 30, tzinfo=UTC)
SINCE = datetime(2027, 3, 19, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = (
    "Europe/Paris",
    "Indian/Reunion",
    "America/Martinique",
    "Pacific/Tahiti",
    "Pacific/Marquesas",
    "America/Miquelon",
)

THERE = ErasureFacts(calendar=Calendar.CONFIRMED, is_reachable_there=True, reminder=Reminder.DONE)


def at(case: Case, **changed: object) -> datetime:
    values: dict[str, object] = {
        "booked_at": BOOKED,
        "ends_at": ENDS,
        "retention_days": LIMIT_DAYS,
        "since": SINCE,
    }
    return erase_at(case=case, **values | changed)  # type: ignore[arg-type]  # named values


@pytest.mark.parametrize(
    ("facts", "case"),
    [
        (THERE, Case.IN_CALENDAR),
        (ErasureFacts(Calendar.CONFIRMED, True, Reminder.PENDING), Case.NO_CALENDAR),
        (ErasureFacts(Calendar.CONFIRMED, False, Reminder.DONE), Case.NO_CALENDAR),
        (ErasureFacts(Calendar.NONE, False, Reminder.DONE), Case.NO_CALENDAR),
        (ErasureFacts(Calendar.NONE, True, Reminder.DONE), Case.NO_CALENDAR),
        (ErasureFacts(Calendar.NONE, False, Reminder.NONE), Case.NO_CALENDAR),
        (ErasureFacts(Calendar.NONE, False, Reminder.REFUSED), Case.NO_CALENDAR),
        (ErasureFacts(Calendar.CONFIRMED, True, Reminder.NONE), Case.NO_CALENDAR),
        (ErasureFacts(Calendar.FAILING, True, Reminder.DONE), Case.FAILING),
        (ErasureFacts(Calendar.PENDING, True, Reminder.DONE), Case.FAILING),
        (ErasureFacts(is_cancelled=True), Case.CANCELLED),
        (ErasureFacts(Calendar.FAILING, is_cancelled=True), Case.CANCELLED),
        (ErasureFacts(is_cancelled=True, is_erased_by_person=True), Case.ERASED_CANCELLED),
        (ErasureFacts(is_erased_by_person=True), Case.ERASED_KEPT),
        (ErasureFacts(Calendar.FAILING, True, is_erased_by_person=True), Case.ERASED_KEPT),
        (ErasureFacts(Calendar.CONFIRMED, False, is_erased_by_person=True), Case.ERASED_KEPT),
        (ErasureFacts(Calendar.CONFIRMED, True, is_erased_by_person=True), Case.ERASED_IN_CALENDAR),
    ],
)
def test_the_facts_choose_the_row(facts: ErasureFacts, case: Case) -> None:
    assert case_of(facts) is case


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (Case.IN_CALENDAR, SINCE),
        (Case.NO_CALENDAR, ENDS),
        (Case.FAILING, ENDS + DAY),
        (Case.CANCELLED, SINCE + DAY),
        (Case.ERASED_CANCELLED, SINCE),
        (Case.ERASED_IN_CALENDAR, SINCE),
        (Case.ERASED_KEPT, ENDS),
        (Case.WAITING, SINCE),
    ],
)
def test_each_row_has_its_instant(case: Case, expected: datetime) -> None:
    assert at(case) == expected


def test_after_a_cancellation_the_person_is_erased_once_the_messages_are_sent() -> None:
    gone = SINCE + timedelta(minutes=3)

    assert at(Case.CANCELLED, messages_sent_at=gone) == gone


def test_late_messages_do_not_delay_the_erasure_after_a_cancellation() -> None:
    assert at(Case.CANCELLED, messages_sent_at=SINCE + 2 * DAY) == SINCE + DAY


def test_after_a_late_cancellation_the_person_is_erased_within_a_day_of_the_end() -> None:
    assert at(Case.CANCELLED, since=ENDS + timedelta(hours=5)) == ENDS + DAY


def test_a_waiting_entry_lasts_thirty_days_at_most() -> None:
    assert at(Case.WAITING, since=None) == BOOKED + timedelta(days=30)


def test_a_move_keeps_the_limit_of_the_first_booking() -> None:
    far = BOOKED + timedelta(days=400)

    assert at(Case.NO_CALENDAR, ends_at=far) == BOOKED + timedelta(days=357)


def test_a_shorter_retention_is_the_limit() -> None:
    assert at(Case.NO_CALENDAR, retention_days=10) == BOOKED + timedelta(days=10)


def test_a_longer_retention_changes_nothing() -> None:
    limit = erasure_limit(booked_at=BOOKED, retention_days=4000)

    assert limit == BOOKED + timedelta(days=357)


def test_the_limit_counts_real_days_over_a_change_of_clock() -> None:
    paris = BOOKED.astimezone(ZoneInfo("Europe/Paris"))

    assert erasure_limit(booked_at=paris, retention_days=60) - BOOKED == timedelta(days=60)


instants = st.integers(1_767_225_600, 1_924_905_600).map(lambda s: datetime.fromtimestamp(s, UTC))
zones = st.sampled_from(ZONES).map(ZoneInfo)
spans = st.timedeltas(timedelta(0), timedelta(days=500))


@given(st.sampled_from(Case), instants, spans, spans, spans, st.integers(7, 400), zones)
def test_no_case_outlasts_the_limit_nor_precedes_the_booking(
    case: Case,
    booked_at: datetime,
    until_end: timedelta,
    until_since: timedelta,
    until_gone: timedelta,
    retention_days: int,
    zone: ZoneInfo,
) -> None:
    found = erase_at(
        case=case,
        booked_at=booked_at.astimezone(zone),
        ends_at=(booked_at + until_end).astimezone(zone),
        retention_days=retention_days,
        since=booked_at + until_since,
        messages_sent_at=booked_at + until_gone,
    )

    assert booked_at <= found <= booked_at + timedelta(days=357)
    if case is not Case.WAITING:
        assert found <= booked_at + until_end + DAY


@given(st.sampled_from(Case), instants, spans, spans, st.integers(7, 357), st.integers(0, 350))
def test_shortening_the_retention_only_moves_the_erasure_earlier(
    case: Case,
    booked_at: datetime,
    until_end: timedelta,
    until_since: timedelta,
    retention_days: int,
    shorter_by: int,
) -> None:
    def found(days: int) -> datetime:
        return erase_at(
            case=case,
            booked_at=booked_at,
            ends_at=booked_at + until_end,
            retention_days=days,
            since=booked_at + until_since,
        )

    assert found(max(0, retention_days - shorter_by)) <= found(retention_days)


@given(instants, zones, st.integers(1, 400), st.integers(7, 400), st.integers(0, 24 * 60 - 1))
def test_every_start_of_the_last_bookable_date_is_within_the_promise(
    now: datetime, zone: ZoneInfo, horizon: int, retention: int, minute: int
) -> None:
    last_on = last_bookable_on(
        now=now, booked_at=now, zone=zone, horizon_days=horizon, retention_days=retention
    )
    local = datetime(last_on.year, last_on.month, last_on.day, minute // 60, minute % 60)  # noqa: DTZ001
    start = local.replace(tzinfo=zone).astimezone(UTC)

    assert start <= last_start(booked_at=now, retention_days=retention)
    assert start + timedelta(hours=12) + DAY <= erasure_limit(
        booked_at=now, retention_days=retention
    )


def test_moving_does_not_push_the_last_date_away() -> None:
    paris = ZoneInfo("Europe/Paris")

    last_on = last_bookable_on(
        now=BOOKED + timedelta(days=300),
        booked_at=BOOKED,
        zone=paris,
        horizon_days=90,
        retention_days=357,
    )

    assert last_on == BOOKED.date() + timedelta(days=354)


def test_the_horizon_counts_local_dates_from_now() -> None:
    tahiti = ZoneInfo("Pacific/Tahiti")

    last_on = last_bookable_on(
        now=datetime(2027, 3, 2, 5, 0, tzinfo=UTC),
        booked_at=datetime(2027, 3, 2, 5, 0, tzinfo=UTC),
        zone=tahiti,
        horizon_days=1,
        retention_days=357,
    )

    assert last_on == date(2027, 3, 2)


@pytest.mark.parametrize(
    ("is_calendar_trusted", "is_phone_given", "moment"),
    [
        (True, True, Moment.AFTER_REMINDER),
        (True, False, Moment.AFTER_APPOINTMENT),
        (False, True, Moment.AFTER_APPOINTMENT),
        (False, False, Moment.AFTER_APPOINTMENT),
    ],
)
def test_the_privacy_notice_announces_the_earlier_moment_only_when_certain(
    is_calendar_trusted: bool, is_phone_given: bool, moment: Moment
) -> None:
    found = privacy_notice_moment(
        is_calendar_trusted=is_calendar_trusted, is_phone_given=is_phone_given
    )

    assert found is moment


@pytest.mark.parametrize(
    ("zone", "starts_at", "due"),
    [
        # Paris, the morning after each change of clock: 18:00 on the eve.
        ("Europe/Paris", "2027-03-28T07:00Z", "2027-03-27T17:00Z"),
        ("Europe/Paris", "2027-10-31T08:00Z", "2027-10-30T16:00Z"),
        ("Europe/Paris", "2027-03-29T07:00Z", "2027-03-28T16:00Z"),
        ("Europe/Paris", "2028-03-01T08:00Z", "2028-02-29T17:00Z"),
        # 08:00 on the 2nd in Tahiti is 18:00 UTC: the eve is the 1st there.
        ("Pacific/Tahiti", "2027-06-02T18:00Z", "2027-06-02T04:00Z"),
        # 17:00 on the 1st in Tahiti is already the 2nd in UTC.
        ("Pacific/Tahiti", "2027-06-02T03:00Z", "2027-06-01T04:00Z"),
        # 00:30 on the 2nd in La Réunion is still the 1st in UTC.
        ("Indian/Reunion", "2027-06-01T20:30Z", "2027-06-01T14:00Z"),
        ("America/Martinique", "2027-06-02T12:00Z", "2027-06-01T22:00Z"),
        ("America/Miquelon", "2027-03-14T12:00Z", "2027-03-13T21:00Z"),
    ],
)
def test_the_reminder_is_due_on_the_local_eve(zone: str, starts_at: str, due: str) -> None:
    found = reminder_due(
        starts_at=datetime.fromisoformat(starts_at),
        zone=ZoneInfo(zone),
        reminder_minute=18 * 60,
        booked_at=BOOKED.replace(year=2026),
    )

    assert found == datetime.fromisoformat(due)


@settings(max_examples=60, deadline=None)
@given(instants, st.sampled_from(ZONES), st.integers(8 * 60, 20 * 60 - 1))
def test_the_eve_is_the_one_of_the_naive_reference(
    starts_at: datetime, zone: str, minute: int
) -> None:
    found = reminder_due(
        starts_at=starts_at,
        zone=ZoneInfo(zone),
        reminder_minute=minute,
        booked_at=starts_at - timedelta(days=9),
    )

    assert found == eve(starts_at, zone, minute)


@pytest.mark.parametrize(("late_by", "is_due"), [(-1, True), (0, False), (1, False)])
def test_booked_at_the_hour_or_after_needs_no_reminder(late_by: int, is_due: bool) -> None:
    found = reminder_due(
        starts_at=datetime(2027, 6, 2, 8, 0, tzinfo=UTC),
        zone=ZoneInfo("Europe/Paris"),
        reminder_minute=18 * 60,
        booked_at=datetime(2027, 6, 1, 16, 0, tzinfo=UTC) + timedelta(seconds=late_by),
    )

    assert (found is not None) is is_due


@pytest.mark.parametrize("minute", [0, 8 * 60 - 1, 20 * 60, 24 * 60 - 1])
def test_no_reminder_is_due_in_the_quiet_hours(minute: int) -> None:
    with pytest.raises(ValueError, match=str(minute)):
        reminder_due(
            starts_at=ENDS, zone=ZoneInfo(ZONES[0]), reminder_minute=minute, booked_at=BOOKED
        )


@pytest.mark.parametrize(("hour", "expires"), [(16, 18), (19, 20)])
def test_a_late_reminder_expires_after_two_hours_or_at_the_quiet_hours(
    hour: int, expires: int
) -> None:
    paris = ZoneInfo("Europe/Paris")

    found = reminder_expires_at(due_at=datetime(2027, 6, 1, hour, tzinfo=paris), zone=paris)

    assert found == datetime(2027, 6, 1, expires, tzinfo=paris)
