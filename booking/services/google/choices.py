"""What the practitioner decides of the link: how much an event says, and what becomes of it (B-33, B-34)."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from booking.event_body import Cleaning, Level
from booking.models import Appointment, GoogleAccount, Practice
from booking.services import calendar_entries, deadlines
from booking.services.google.polling import ask_soon
from tenants.trail import services as trail


class NotInstructed(Exception):
    """Names in a calendar that no organisation's contract covers need the client's own instruction (B-33)."""


@dataclass(frozen=True)
class Choices:
    """What a form says; ``is_instructed``: the client asks for names, now or before (B-33)."""

    level: Level
    on_erasure: Cleaning
    has_addendum: bool
    is_instructed: bool
    closes_when_lost: bool


def choose(*, account: GoogleAccount, chosen: Choices, actor: str, now: datetime) -> None:
    """Change the level, what happens after the erasure and when the link is lost (B-35).

    When one of the first two has changed, everything coming is written again; what is not erased yet is
    computed again, only earlier (B-25), and the notice changes with it (T-1), in this transaction.
    Raises NotInstructed.
    """
    is_covered = account.kind == GoogleAccount.Kind.WORKSPACE and chosen.has_addendum
    if chosen.level is Level.NAMED and not is_covered and not chosen.is_instructed:
        raise NotInstructed
    before = (account.level, account.on_erasure)
    account.level, account.on_erasure = chosen.level.value, chosen.on_erasure.value
    account.has_addendum = chosen.has_addendum
    account.closes_when_lost = chosen.closes_when_lost
    account.save(update_fields=["level", "on_erasure", "has_addendum", "closes_when_lost"])
    if (account.level, account.on_erasure) == before:
        return
    Practice.objects.update(notice_version=F("notice_version") + 1)
    calendar_entries.push_all(account=account, since=now, now=now)
    shorten(account=account, now=now)
    ask_soon(account_id=account.pk, now=now)
    verb = f"calendar.level.{account.level}"
    trail.record(verb=verb, ref=account.ref, actor=actor, now=now)


def shorten(*, account: GoogleAccount, now: datetime) -> None:
    """Compute again when the people of coming visits are erased, only earlier: the calendar is another."""
    coming = Appointment.objects.select_related("practitioner", "location").filter(
        practitioner=account.practitioner_id, contact__isnull=False
    )
    for appointment in coming:
        deadlines.recompute(appointment=appointment, only_earlier=True, now=now)
