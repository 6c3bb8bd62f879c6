"""When the person of an appointment is erased, when its reminder is due, and the quiet hours of messages.

``erase_at`` implements the table of design section 5; no other code computes that instant. Instants are aware
and compared in UTC, where a day has 24 hours, as in the CHECK of the database. "La veille" is the local date
before, in the zone of the location.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, IntEnum
from zoneinfo import ZoneInfo

KEY_BACKUP_DAYS = 7
"""The longest life of a backup whose keys still exist."""
LIMIT_DAYS = 365 - KEY_BACKUP_DAYS - 1
"""The longest retention in days after the booking (B-20); a practice may only shorten it (B-25)."""
MARGIN_DAYS = 3
"""Days between the last bookable date and the limit: the 24 h of B-24 and two whole local days (B-22)."""
FAILURE_GRACE = timedelta(hours=24)
"""How long a failure may delay the erasure after the appointment, or after its cancellation (B-24)."""
LONGEST_APPOINTMENT = timedelta(hours=12)
WAITING_DAYS = 30
REMINDER_TOLERANCE = timedelta(hours=2)
"""A reminder that is later than this is not sent."""
QUIET_FROM, QUIET_UNTIL = 20 * 60, 8 * 60
"""Minutes of the local day: no message that can wait leaves from 20:00 to 08:00 (B-40)."""


class Calendar(Enum):
    """The state of the appointment in the practitioner's own calendar."""

    NONE = "none"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILING = "failing"


class Level(IntEnum):
    """How much an event in an external calendar says about the person (B-33)."""

    REFERENCE = 0
    INITIALS = 1
    NAMED = 2


class EventCleanup(Enum):
    """What happens to the event when the person is erased here (B-34)."""

    KEEP = "keep"
    ANONYMISE = "anonymise"
    DELETE = "delete"


class Reminder(Enum):
    """The outcome of the reminder; the confirmation may count as the reminder (B-23)."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    NONE = "none"


class Case(Enum):
    """The rows of the table of design section 5; a slot hold has no row, since it has no person."""

    IN_CALENDAR = "reminded, and the calendar says how to reach the person"
    NO_CALENDAR = "the person can be reached only by what stands here"
    FAILING = "the calendar does not take it"
    CANCELLED = "cancelled"
    ERASED_CANCELLED = "erased by the person, appointment cancelled"
    ERASED_IN_CALENDAR = "erased by the person, kept, and the calendar says how to reach them"
    ERASED_KEPT = "erased by the person, kept"
    WAITING = "entry of the waiting list"


class Moment(Enum):
    """The moment of the erasure that the privacy notice announces (T-1)."""

    AFTER_REMINDER = "after_reminder"
    """Also after the confirmation, when it counts as the reminder (B-23)."""
    AFTER_APPOINTMENT = "after_appointment"
    WITHIN_A_DAY = "within_a_day"
    """A day after the appointment at the latest: after the cleanup of its event, or when the push has failed."""


@dataclass(frozen=True, slots=True)
class ErasureFacts:
    """The facts that decide the row of the table for a booked appointment.

    ``is_reachable_there``: the event has name and phone (level L2, and a phone was given).
    """

    calendar: Calendar = Calendar.NONE
    is_reachable_there: bool = False
    reminder: Reminder = Reminder.PENDING
    is_cancelled: bool = False
    is_erased_by_person: bool = False


def case_of(facts: ErasureFacts) -> Case:
    """Return the row of the table for these facts."""
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
    # Also when the reminder was refused after its retries: B-24 erases at the end of the appointment.
    return Case.NO_CALENDAR


def erase_at(
    *,
    case: Case,
    booked_at: datetime,
    ends_at: datetime,
    retention_days: int,
    since: datetime | None = None,
    messages_sent_at: datetime | None = None,
) -> datetime:
    """Return when the person is erased, in UTC: at the earliest at ``booked_at``, at the latest at the limit.

    The limit counts from ``booked_at``, which a move does not change; for the waiting list it is when the
    person joined. ``since`` is when the case began: reminder sent and push confirmed, cancellation, request
    of the person, or end of the waiting. ``messages_sent_at`` is when no message was left to send.
    """
    limit = erasure_limit(booked_at=booked_at, retention_days=retention_days)
    by_case = _erase_at_by_case(case, booked_at, ends_at, since, messages_sent_at)
    return max(booked_at, min(limit, by_case)).astimezone(UTC)


def _erase_at_by_case(
    case: Case,
    booked_at: datetime,
    ends_at: datetime,
    since: datetime | None,
    messages_sent_at: datetime | None,
) -> datetime:
    """Return the instant of the row of the table, without the limit."""
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
            return min(messages_sent_at or given_up, given_up, at_the_latest)
        case Case.WAITING:
            joined_long_ago = _later(booked_at, timedelta(days=WAITING_DAYS))
            return min(since or joined_long_ago, joined_long_ago)


def erasure_limit(*, booked_at: datetime, retention_days: int) -> datetime:
    """Return the latest instant of the erasure (B-20, B-25), in UTC."""
    return _later(booked_at, timedelta(days=min(LIMIT_DAYS, retention_days)))


def last_start(*, booked_at: datetime, retention_days: int) -> datetime:
    """Return the last start that patients and staff can book (B-22).

    The longest appointment from that start, plus the 24 h of B-24, ends at the limit of the erasure.
    """
    limit = erasure_limit(booked_at=booked_at, retention_days=retention_days)
    return limit - FAILURE_GRACE - LONGEST_APPOINTMENT


def last_bookable_on(
    *, now: datetime, booked_at: datetime, zone: ZoneInfo, horizon_days: int, retention_days: int
) -> date:
    """Return the last local date that may be proposed (B-12, B-22).

    The horizon of the appointment type counts from ``now``; the limit counts from ``booked_at``, which is the
    booking of the appointment that is moved. Every start of that date is before ``last_start``.
    """
    promised = min(LIMIT_DAYS, retention_days) - MARGIN_DAYS
    by_horizon = now.astimezone(zone).date() + timedelta(days=horizon_days)
    by_promise = booked_at.astimezone(zone).date() + timedelta(days=promised)
    return min(by_horizon, by_promise)


def privacy_notice_moment(*, is_calendar_trusted: bool, is_phone_given: bool) -> Moment:
    """Return the moment that the privacy notice announces: the later one unless the earlier is certain.

    ``is_calendar_trusted``: a calendar is connected at level L2. Without a phone the notice cannot announce an
    erasure after the reminder.
    """
    if is_calendar_trusted and is_phone_given:
        return Moment.AFTER_REMINDER
    return Moment.AFTER_APPOINTMENT


def reminder_due(
    *, starts_at: datetime, zone: ZoneInfo, reminder_minute: int, booked_at: datetime
) -> datetime | None:
    """Return when the reminder is due, in UTC: ``reminder_minute`` of the local date before.

    None when that is not after ``booked_at``, the last booking or move: the confirmation then counts as the
    reminder (B-23). Raises ValueError for a minute in the quiet hours (B-40).
    """
    if is_quiet_minute(reminder_minute):
        raise ValueError(reminder_minute)
    eve = starts_at.astimezone(zone).date() - timedelta(days=1)
    due = _at_local_minute(eve, reminder_minute, zone)
    return due if booked_at < due else None


def reminder_expires_at(*, due_at: datetime, zone: ZoneInfo) -> datetime:
    """Return when a late reminder expires: two hours after it was due, and before the quiet hours."""
    quiet = _at_local_minute(due_at.astimezone(zone).date(), QUIET_FROM, zone)
    return min(_later(due_at, REMINDER_TOLERANCE), quiet)


def is_quiet_minute(minute: int) -> bool:
    """Return whether a minute of the local day lies in the quiet hours."""
    return not QUIET_UNTIL <= minute < QUIET_FROM


def is_quiet(now: datetime, *, zone: ZoneInfo) -> bool:
    """Return whether an aware instant lies in the quiet hours of a zone."""
    local = now.astimezone(zone)
    return is_quiet_minute(local.hour * 60 + local.minute)


def out_of_quiet_hours(now: datetime, *, zone: ZoneInfo) -> datetime:
    """Return this instant, or the end, in UTC, of the quiet hours in which it lies."""
    if not is_quiet(now, zone=zone):
        return now
    local = now.astimezone(zone)
    is_evening = local.hour * 60 + local.minute >= QUIET_FROM
    on = local.date() + timedelta(days=1 if is_evening else 0)
    morning = time(QUIET_UNTIL // 60, QUIET_UNTIL % 60)
    return datetime.combine(on, morning, tzinfo=zone).astimezone(UTC)


def _at_local_minute(on: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, of a minute of the local day in ``zone``."""
    return datetime.combine(on, time(minute // 60, minute % 60), tzinfo=zone).astimezone(UTC)


def _later(instant: datetime, span: timedelta) -> datetime:
    """Add real time: in a local zone Python would add wall-clock time."""
    return instant.astimezone(UTC) + span
