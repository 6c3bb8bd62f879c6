"""The practice's own settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from booking.errors import BookingError
from booking.models import Practice
from booking.services import deadlines
from tenants.trail import services as trail

TOLD = ("retention_days", "rights_contact", "name", "sms_enabled")
"""What the notice under the form says: another value is another version of it (T-1)."""
PUBLISHED = (
    *TOLD,
    "legal_name",
    "legal_form",
    "siren",
    "street",
    "postcode",
    "legal_town",
    "phone",
    "email",
    "kind",
    "reminder_minute",
    "waiting_minutes",
)
"""What the privacy page says: another value is another date of it (T-11)."""


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
    before = {name: getattr(practice, name) for name in PUBLISHED}
    for name, value in values.items():
        setattr(practice, name, value)
    changed = {name for name in PUBLISHED if getattr(practice, name) != before[name]}
    if changed.intersection(TOLD):
        practice.notice_version += 1
    practice.save(update_fields=[*values, "notice_version"])
    if "reminder_minute" in changed:
        deadlines.shift_reminders(settings=practice, now=now)
    if changed:
        trail.record(verb="notice.changed", ref=practice.ref, actor=actor, now=now)
    trail.record(verb="practice.saved", ref=practice.ref, actor=actor, now=now)
    return practice
