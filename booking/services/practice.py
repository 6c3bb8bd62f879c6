"""The practice's own settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from booking.errors import BookingError
from booking.models import Practice
from booking.services import deadlines
from tenants.trail import services as trail


class RetentionCannotGrow(BookingError):  # named after what happened
    """The retention can only be shortened (B-25)."""


def save_practice(*, values: Mapping[str, Any], actor: str, now: datetime) -> Practice:
    """Change settings or legal identity; the notice's version moves when what it says does.

    Raises RetentionCannotGrow. A shorter retention applies to bookings made from now on; those already
    made keep the date they were told, which was theirs to rely on. A new hour of the reminder is that of
    the reminders still to leave, too.
    """
    practice = Practice.objects.select_for_update().get()
    if values.get("retention_days", practice.retention_days) > practice.retention_days:
        raise RetentionCannotGrow
    told = ("retention_days", "rights_contact", "name", "sms_enabled")
    before = [getattr(practice, name) for name in told]
    reminded_at = practice.reminder_minute
    for name, value in values.items():
        setattr(practice, name, value)
    changed = list(values)
    if [getattr(practice, name) for name in told] != before:
        practice.notice_version += 1
        changed.append("notice_version")
    practice.save(update_fields=changed)
    if practice.reminder_minute != reminded_at:
        deadlines.shift_reminders(settings=practice, now=now)
    trail.record(verb="practice.saved", ref=practice.ref, actor=actor, now=now)
    return practice
