"""When the person of an appointment is erased, and the instants that hang on it.

One function answers for every row of the table in the design (section 5, step 6); nothing else in
the house computes ``erase_at``. All instants are aware and compared in UTC, where a day is 24 hours
as it is in the database's CHECK; "la veille" is the local date before, in the zone of the place.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

KEY_BACKUP_DAYS = 7
"""The longest life of a copy whose keys still exist."""
LIMIT_DAYS = 365 - KEY_BACKUP_DAYS - 1
"""Nobody stays longer than this after the booking act (B-20); a practice may only shorten it (B-25)."""
MARGIN_DAYS = 3
"""Between the last bookable date and the limit: the 24 h of B-24 and two whole local days (B-22)."""
FAILURE_GRACE = timedelta(hours=24)
"""How long a failure may keep a person after the appointment, or after its cancellation (B-24)."""
LONGEST_APPOINTMENT = timedelta(hours=12)
WAITING_DAYS = 30
QUIET_FROM, QUIET_UNTIL = 20 * 60, 8 * 60
"""Minutes of the local day between which no reminder is sent (B-40)."""
REMINDER_TOLERANCE = timedelta(hours=2)
"""A reminder is dropped rather than sent later than this."""


class Calendar(Enum):
    """What the practitioner's own calendar knows of the appointment."""

    NONE = "none"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILING = "failing"


class Reminder(Enum):
    """What became of the reminder; when it is none, the confirmation may count as one (B-23)."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    NONE = "none"


class Case(Enum):
    """The rows of the table; a hold is none of them, since it holds nobody."""

    IN_CALENDAR = "reminded, and the calendar says how to reach the person"
    NO_CALENDAR = "the person can be reached only by what stands here"
    FAILING = "the calendar does not take it"
    CANCELLED = "cancelled"
    ERASED_CANCELLED = "erased by the person, appointment cancelled"
    ERASED_IN_CALENDAR = "erased by the person, kept, and the calendar says how to reach them"
    ERASED_KEPT = "erased by the person, kept"
    WAITING = "entry of the waiting list"


class Moment(Enum):
    """What the notice under the form says of the erasure (T-1)."""

    AFTER_REMINDER = "after_reminder"
    """Or after the confirmation, when that counts as the reminder (B-23)."""
    AFTER_APPOINTMENT = "after_appointment"
    WITHIN_A_DAY = "within_a_day"
    """A day after the appointment at the latest: once its calendar is cleaned, or has not taken it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides which row of the table a booked appointment is on.

    ``is_reachable_there``: the calendar's event carries name and phone (level L2, a phone given).
    """

    calendar: Calendar = Calendar.NONE
    is_reachable_there: bool = False
    reminder: Reminder = Reminder.PENDING
    is_cancelled: bool = False
    is_erased_by_person: bool = False


def case_of(facts: Facts) -> Case:
    """Return the row of the table on which these facts put an appointment."""
    is_known_there = facts.calendar is Calendar.CONFIRMED and facts.is_reachable_there
    if facts.is_erased_by_person:
        if facts.is_cancelled:
            return Case.ERASED_CANCELLED
        return Case.ERASED_IN_CALENDAR if is_known_there else Case.ERASED_KEPT
    if facts.is_cancelled:
        return Case.CANCELLED
    if facts.calendar in {Calendar.PENDING, Calendar.FAILING}:
        return Case.FAILING
    if is_known_there and facts.reminder is Reminder.DONE:
        return Case.IN_CALENDAR
    # Also when the reminder was refused after its retries: B-24 purges at the end, and a longer
    # stay would serve nothing.
    return Case.NO_CALENDAR


def erase_at(
    *,
    case: Case,
    booked_at: datetime,
    ends_at: datetime,
    retention_days: int,
    since: datetime | None = None,
    notices_gone_at: datetime | None = None,
) -> datetime:
    """Return when the person is erased: never later than the limit counted from ``booked_at``.

    ``since`` is when the case began: the reminder handed over and the push confirmed, the
    cancellation, the person's request, leaving the waiting list. ``booked_at`` never moves, whatever
    happens to the appointment; for the waiting list it is when the person joined. The result is
    never before ``booked_at``.
    """
    limit = erasure_limit(booked_at=booked_at, retention_days=retention_days)
    wanted = _wanted(case, booked_at, ends_at, since, notices_gone_at)
    return max(booked_at, min(limit, wanted)).astimezone(UTC)


def _wanted(
    case: Case,
    booked_at: datetime,
    ends_at: datetime,
    since: datetime | None,
    notices_gone_at: datetime | None,
) -> datetime:
    """Return what the row of the table says, the limit apart."""
    at_the_latest = _later(ends_at, FAILURE_GRACE)
    begun = since or at_the_latest
    match case:
        case Case.IN_CALENDAR | Case.ERASED_CANCELLED | Case.ERASED_IN_CALENDAR:
            return min(begun, at_the_latest)
        case Case.NO_CALENDAR | Case.ERASED_KEPT:
            return ends_at
        case Case.FAILING:
            return at_the_latest
        case Case.CANCELLED:
            given_up = _later(begun, FAILURE_GRACE)
            return min(notices_gone_at or given_up, given_up, at_the_latest)
        case Case.WAITING:
            joined_long_ago = _later(booked_at, timedelta(days=WAITING_DAYS))
            return min(since or joined_long_ago, joined_long_ago)


def erasure_limit(*, booked_at: datetime, retention_days: int) -> datetime:
    """Return the instant that no erasure may pass (B-20, B-25), in UTC."""
    return _later(booked_at, timedelta(days=min(LIMIT_DAYS, retention_days)))


def last_start(*, booked_at: datetime, retention_days: int) -> datetime:
    """Return the last start that the promise allows, for staff as for patients (B-22).

    The longest appointment that starts then is over, and the 24 h of B-24 past, at the limit.
    """
    limit = erasure_limit(booked_at=booked_at, retention_days=retention_days)
    return limit - FAILURE_GRACE - LONGEST_APPOINTMENT


def last_bookable_on(
    *, now: datetime, booked_at: datetime, zone: ZoneInfo, horizon_days: int, retention_days: int
) -> date:
    """Return the last local date that may be proposed (B-12, B-22).

    The horizon of the motif counts from ``now``; the promise counts from ``booked_at``, which is the
    first booking act when an appointment is moved. Every start of that date is within
    ``last_start``.
    """
    promised = min(LIMIT_DAYS, retention_days) - MARGIN_DAYS
    by_horizon = now.astimezone(zone).date() + timedelta(days=horizon_days)
    by_promise = booked_at.astimezone(zone).date() + timedelta(days=promised)
    return min(by_horizon, by_promise)


def notice_moment(*, is_calendar_trusted: bool, is_phone_given: bool) -> Moment:
    """Return which words the notice must show: the later ones unless the earlier are sure to hold.

    ``is_calendar_trusted``: a calendar is connected at level L2. A form that leaves the phone free
    cannot promise an erasure after the reminder.
    """
    if is_calendar_trusted and is_phone_given:
        return Moment.AFTER_REMINDER
    return Moment.AFTER_APPOINTMENT


def reminder_due(
    *, starts_at: datetime, zone: ZoneInfo, reminder_minute: int, booked_at: datetime
) -> datetime | None:
    """Return when the reminder is due, in UTC: ``reminder_minute`` of the local date before.

    None when the person was told at that moment or after it: then the confirmation counts as the
    reminder (B-23). ``booked_at`` is the act that sent the last confirmation, booking or move.
    ValueError for a minute in the quiet hours (B-40).
    """
    if not QUIET_UNTIL <= reminder_minute < QUIET_FROM:
        raise ValueError(reminder_minute)
    eve = starts_at.astimezone(zone).date() - timedelta(days=1)
    due = _wall(eve, reminder_minute, zone)
    return due if booked_at < due else None


def reminder_expires_at(*, due_at: datetime, zone: ZoneInfo) -> datetime:
    """Return after when a late reminder is dropped: two hours, and never into the quiet hours."""
    quiet = _wall(due_at.astimezone(zone).date(), QUIET_FROM, zone)
    return min(_later(due_at, REMINDER_TOLERANCE), quiet)


def _wall(on: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which clocks of ``zone`` show this minute of the day."""
    return datetime.combine(on, time(minute // 60, minute % 60), tzinfo=zone).astimezone(UTC)


def _later(instant: datetime, span: timedelta) -> datetime:
    """Add real time: in a local zone Python would add wall-clock time."""
    return instant.astimezone(UTC) + span
