"""Settings of a Google account that its practitioner chooses: level and cleanup of events (B-33, B-34)."""

from dataclasses import dataclass
from datetime import datetime

from booking.calendar_sync import calendar_entries
from booking.erasure import deadlines
from booking.google.polls import request_poll
from booking.models import Appointment, GoogleAccount
from booking.rules.erasure import EventCleanup, Level
from booking.scheduling.catalogue import bump_notice_version
from tenants.audit import services as audit

CHOSEN = ("level", "on_erasure", "has_addendum", "closes_when_lost", "writes_home_address")


class NotInstructed(Exception):
    """Names in a calendar without an organisation's contract need an instruction of the client (B-33)."""


@dataclass(frozen=True)
class Choices:
    """The chosen settings.

    ``is_instructed``: the client has instructed names, now or before (B-33). ``writes_home_address`` is itself the
    instruction to write the address of home visits, which needs level L2 (B-14).
    """

    level: Level
    on_erasure: EventCleanup
    has_addendum: bool
    is_instructed: bool
    closes_when_lost: bool
    writes_home_address: bool = False


def choose(*, account: GoogleAccount, chosen: Choices, actor: str, now: datetime) -> None:
    """Store the level, the cleanup of events, and whether a lost link closes online booking (B-35).

    A change of level or cleanup takes effect in this transaction: all coming events are scheduled for a push,
    erasure deadlines are computed again and only move earlier (B-25), and the privacy notice has a new version
    (T-1). Raises NotInstructed.
    """
    is_covered = account.kind == GoogleAccount.AccountKind.WORKSPACE and chosen.has_addendum
    if chosen.level is Level.NAMED and not is_covered and not chosen.is_instructed:
        raise NotInstructed
    before = (account.level, account.on_erasure, account.writes_home_address)
    account.level, account.on_erasure = chosen.level.value, chosen.on_erasure.value
    account.has_addendum = chosen.has_addendum
    account.closes_when_lost = chosen.closes_when_lost
    account.writes_home_address = chosen.writes_home_address and chosen.level is Level.NAMED
    account.save(update_fields=CHOSEN)
    if (account.level, account.on_erasure, account.writes_home_address) == before:
        return
    bump_notice_version()
    calendar_entries.push_all(account=account, since=now, now=now)
    recompute_deadlines(account=account, now=now)
    request_poll(account_id=account.pk, now=now)
    verb = f"calendar.level.{account.level}"
    audit.record(verb=verb, ref=account.ref, actor=actor, now=now)
    if account.writes_home_address != before[2]:
        is_on = "on" if account.writes_home_address else "off"
        verb = f"calendar.home_address.{is_on}"
        audit.record(verb=verb, ref=account.ref, actor=actor, now=now)


def recompute_deadlines(*, account: GoogleAccount, now: datetime) -> None:
    """Compute the erasure deadlines of the practitioner's patients again; a deadline only moves earlier."""
    coming = Appointment.objects.select_related("practitioner", "location").filter(
        practitioner=account.practitioner_id, contact__isnull=False
    )
    for appointment in coming:
        deadlines.recompute(appointment=appointment, only_earlier=True, now=now)
