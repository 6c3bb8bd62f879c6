"""Sync health of a link with Google: its status, its queue, the nightly check, and alerts about faults."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.db.models import Count, F, Min, Q

from booking.google import pull
from booking.google.leases import AccountLease
from booking.models import Appointment, CalendarEntry, GoogleAccount
from booking.rules import kinds
from booking.rules.erasure import FAILURE_GRACE
from tenants import cross_schema
from tenants.outbox.kinds import PLATFORM_SUBJECT
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside

STUCK_AFTER = timedelta(hours=1)
"""Age of the queue or of the busy times from which a link is RED."""
SLOW_AFTER = timedelta(minutes=5)
"""Age of the queue from which a link is ORANGE."""
UNREAD_AFTER = timedelta(minutes=30)
"""Age of the busy times from which a link is ORANGE: three polls have failed to read them."""
CHECK_EVERY = timedelta(hours=20)
"""Age of the last check from which the next one runs, at night."""
CHECK_AT_THE_LATEST = timedelta(hours=30)
"""Age of the last check from which the next one runs at any hour."""
_TRIED_WITHIN = timedelta(days=2)
"""A refused event is tried once a night until its visit is over; an older attempt belongs to a past visit."""
_DAY_BEGINS = timedelta(hours=7)
"""Hour of UTC at which a new day of e-mails begins: the e-mail of the next day is sent in the morning."""
NIGHT = range(1, 5)
"""Hours of UTC in which a calendar is read whole, when there are few bookings."""


class HealthStatus(Enum):
    """The three states of sync health; the values are the CSS classes of its badge."""

    GREEN = "ok"
    ORANGE = "warn"
    RED = "bad"


@dataclass(frozen=True)
class SyncHealth:
    """The sync health of one account at one instant.

    ``waits_for`` is the age of the oldest event that waits for a push, ``unread_for`` the age of the busy times.
    """

    account: GoogleAccount
    status: HealthStatus
    waiting: int
    waiting_since: datetime | None
    waits_for: timedelta
    unread_for: timedelta
    different: int
    conflicts: int
    refused: int

    @property
    def is_failing(self) -> bool:
        """Whether Google has refused an event, or an event has waited for ``STUCK_AFTER``."""
        return self.refused > 0 or self.waits_for >= STUCK_AFTER


def health_of(*, account: GoogleAccount, now: datetime) -> SyncHealth:
    """Return the sync health of an account, in one query."""
    return healths_of(accounts=[account], now=now)[0]


def healths_of(*, accounts: Sequence[GoogleAccount], now: datetime) -> list[SyncHealth]:
    """Return the sync health of each account, in the given order; one query for any number of accounts."""
    to_come = Q(appointment__ends_at__gt=now)
    coming = to_come & Q(appointment__status=Appointment.Status.BOOKED)
    waiting = Q(version__gt=F("pushed"), is_held_back=False)
    rows = (
        CalendarEntry.objects.filter(account__in=accounts)
        .order_by()
        .values("account")
        .annotate(
            waiting=Count("pk", filter=waiting),
            waiting_since=Min("changed_at", filter=waiting),
            different=Count("pk", filter=coming & Q(state__in=CalendarEntry.DIFFERENT)),
            conflicts=Count("pk", filter=coming & Q(has_conflict=True)),
            # Cancelled appointments count too: their event still blocks the time in the calendar.
            refused=Count("pk", filter=to_come & Q(state=CalendarEntry.EventState.REFUSED)),
        )
    )
    found = {row["account"]: row for row in rows}
    return [_health(account, found.get(account.pk, {}), now=now) for account in accounts]


def _health(account: GoogleAccount, found: Mapping[str, Any], *, now: datetime) -> SyncHealth:
    since, refused = found.get("waiting_since"), found.get("refused", 0)
    waits_for = now - since if since else timedelta()
    unread_for = _unread_for(account, now=now)
    return SyncHealth(
        account=account,
        status=_status(account, waits_for, unread_for, is_refused=bool(refused)),
        waiting=found.get("waiting", 0),
        waiting_since=since,
        waits_for=waits_for,
        unread_for=unread_for,
        different=found.get("different", 0),
        conflicts=found.get("conflicts", 0),
        refused=refused,
    )


def _unread_for(account: GoogleAccount, *, now: datetime) -> timedelta:
    """Return the age of the busy times, or of the last success where the account may not read them."""
    if account.state != GoogleAccount.LinkState.CONNECTED:
        return timedelta()
    read_at = account.busy_at if account.can_read_busy else account.last_success_at
    return now - (read_at or account.connected_at)


def _status(
    account: GoogleAccount, waits_for: timedelta, unread_for: timedelta, *, is_refused: bool
) -> HealthStatus:
    is_connected = account.state == GoogleAccount.LinkState.CONNECTED
    if not is_connected or max(waits_for, unread_for) >= STUCK_AFTER:
        return HealthStatus.RED
    is_slow = waits_for >= SLOW_AFTER or unread_for >= UNREAD_AFTER
    is_silent = account.last_success_at is None
    return HealthStatus.ORANGE if is_slow or is_refused or is_silent else HealthStatus.GREEN


def run_nightly_check(lease: AccountLease) -> None:
    """Compare the whole calendar with its target state, once a night; store the counts in the account."""
    with inside(lease.unit):
        account = GoogleAccount.objects.get(pk=lease.account_id)
    now, own = lease.clock(), lease.secret().calendar
    if not own or not is_check_due(account, now=now):
        return
    differing = pull.read_own(lease, own=own, whole=True)
    with inside(lease.unit):
        entries = CalendarEntry.objects.filter(account=account, appointment__ends_at__gt=now)
        refused = entries.filter(state=CalendarEntry.EventState.REFUSED)
        # A refused event is tried once a night: the account may have its permission again.
        retried = refused.update(version=F("version") + 1, changed_at=now, state="pending")
        GoogleAccount.objects.filter(pk=account.pk).update(
            checked_at=now, checked=entries.count(), repaired=retried + differing
        )


def is_check_due(account: GoogleAccount, *, now: datetime) -> bool:
    """Return whether the nightly check of the calendar is due."""
    if account.checked_at is None:
        return now - account.connected_at >= CHECK_EVERY and now.hour in NIGHT
    age = now - account.checked_at
    return age >= CHECK_AT_THE_LATEST or (age >= CHECK_EVERY and now.hour in NIGHT)


@dataclass(frozen=True)
class StuckAccounts:
    """Numbers of accounts with a fault.

    ``failing``: connected, and not written or not read for ``STUCK_AFTER``. ``lost``: to be reconnected.
    ``refused``: connected and working, with events that Google refuses.
    """

    failing: int = 0
    lost: int = 0
    refused: int = 0


@dataclass(frozen=True)
class _Trouble:
    """The faults of one account."""

    unit: Unit
    account_id: int
    state: str
    is_unread: bool
    is_waiting: bool
    is_refused: bool

    @property
    def is_connected(self) -> bool:
        return self.state == GoogleAccount.LinkState.CONNECTED


def stuck_accounts(*, now: datetime) -> StuckAccounts:
    """Count the accounts with a fault in all schemas; reads ids, instants and states only."""
    return _counted(_troubles(now=now))


def _counted(troubles: Collection[_Trouble]) -> StuckAccounts:
    failing = [
        trouble
        for trouble in troubles
        if trouble.is_connected and (trouble.is_unread or trouble.is_waiting)
    ]
    lost = [trouble for trouble in troubles if not trouble.is_connected]
    return StuckAccounts(len(failing), len(lost), len(troubles) - len(failing) - len(lost))


# ``is_unread`` covers every cause of a failed poll: a missing permission or a wrong client secret, for example.
_IN_TROUBLE = """
SELECT * FROM (
    SELECT account.id, account.state,
        account.state = 'connected' AND COALESCE(CASE WHEN account.can_read_busy
            THEN account.busy_at ELSE account.last_success_at END, account.connected_at) <= %s
            AS is_unread,
        EXISTS (SELECT 1 FROM {schema}.booking_calendarentry entry
            WHERE entry.account_id = account.id AND entry.version > entry.pushed
                AND NOT entry.is_held_back AND entry.changed_at <= %s) AS is_waiting,
        EXISTS (SELECT 1 FROM {schema}.booking_calendarentry entry
            WHERE entry.account_id = account.id AND entry.state = 'refused'
                AND entry.changed_at > %s) AS is_refused
    FROM {schema}.booking_googleaccount account
) found
WHERE (state = 'connected' AND (is_unread OR is_waiting OR is_refused)) OR state = 'reconnect'
"""


def _troubles(*, now: datetime) -> list[_Trouble]:
    since = now - STUCK_AFTER
    values = [since, since, now - _TRIED_WITHIN]
    rows = cross_schema.read(served_units(), _IN_TROUBLE, values).rows
    return [_Trouble(unit, *row) for unit, row in rows]


def raise_alert(*, now: datetime) -> int:
    """Enqueue e-mails about accounts with a fault to staff and practitioners; return how many accounts."""
    troubles = _troubles(now=now)
    _notify_staff(_counted(troubles), now=now)
    _notify_practitioners(troubles, now=now)
    return len(troubles)


def _notify_staff(stuck: StuckAccounts, *, now: datetime) -> None:
    """Enqueue one alert an hour while a connected account fails, otherwise one a day.

    Lost and refused accounts wait for their practitioner, which lib-rdv's staff cannot change.
    """
    count = stuck.failing + stuck.lost + stuck.refused
    if count:
        stamp = now.strftime("%Y%m%d%H" if stuck.failing else "%Y%m%d")
        with inside(PUBLIC):
            alert = Due(
                kinds.CALENDAR_STUCK, PLATFORM_SUBJECT, kinds.AccountCount(count), now, repeat=stamp
            )
            write(due=[alert], now=now)


def _notify_practitioners(troubles: Collection[_Trouble], *, now: datetime) -> None:
    """Enqueue one e-mail a day for each connected account with events that could not be written.

    A lost account has caused its own e-mail (``revocation``). Refused events of past visits cause no e-mail, and
    do not prevent a later one on the same day.
    """
    day = f"{now - _DAY_BEGINS:%Y%m%d}"
    by_unit: dict[Unit, list[int]] = {}
    for trouble in troubles:
        if trouble.is_connected and (trouble.is_waiting or trouble.is_refused):
            by_unit.setdefault(trouble.unit, []).append(trouble.account_id)
    for unit, ids in by_unit.items():
        with inside(unit):
            accounts = list(GoogleAccount.objects.filter(pk__in=ids))
            failing = [
                health for health in healths_of(accounts=accounts, now=now) if health.is_failing
            ]
            dues = [
                Due(kinds.CALENDAR_FAILING, subject_of(health.account), NO_PAYLOAD, now, repeat=day)
                for health in failing
            ]
            write(due=dues, now=now)


def expire_past_pushes(*, now: datetime, limit: int = 500) -> int:
    """Give up the pushes of past visits in accounts that wait to be reconnected; return how many."""
    past = CalendarEntry.objects.filter(
        account__state=GoogleAccount.LinkState.RECONNECT,
        version__gt=F("pushed"),
        appointment__ends_at__lte=now - FAILURE_GRACE,
    ).values_list("pk", flat=True)
    return CalendarEntry.objects.filter(pk__in=list(past[:limit])).update(
        pushed=F("version"), state=CalendarEntry.EventState.GONE
    )
