"""How well a link works: its light, its queue, its last night's report; and who is told when it does not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.db.models import Count, F, Min, Q

from booking import kinds
from booking.erasure import FAILURE_GRACE
from booking.models import Appointment, CalendarEntry, GoogleAccount
from booking.services.google import reading
from booking.services.google.leases import Held
from tenants import across
from tenants.outbox.services import Due, write
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside

STUCK_AFTER = timedelta(hours=1)
SLOW_AFTER = timedelta(minutes=5)
UNREAD_AFTER = timedelta(minutes=30)
"""Three polls of which none could read."""
REPORT_EVERY = timedelta(hours=20)
REPORT_AT_THE_LATEST = timedelta(hours=30)
_TRIED_WITHIN = timedelta(days=2)
"""What is refused is tried once a night while its visit is to come: what was tried before that is past."""
_DAY_BEGINS = timedelta(hours=7)
"""In UTC: what was told one day is told again the next morning, not at midnight."""
NIGHT = range(1, 5)
"""Hours of UTC in which a calendar is read whole: nobody books, nobody waits."""


class Light(Enum):
    """What the page shows of a link."""

    GREEN = "ok"
    ORANGE = "warn"
    RED = "bad"


@dataclass(frozen=True)
class Health:
    """One link at one moment; ``waits_for`` is the age of its queue, ``unread_for`` of what was read last."""

    account: GoogleAccount
    light: Light
    waiting: int
    waiting_since: datetime | None
    waits_for: timedelta
    unread_for: timedelta
    different: int
    conflicts: int
    refused: int

    @property
    def is_failing(self) -> bool:
        """Whether what is to be written was refused, or has waited for an hour."""
        return self.refused > 0 or self.waits_for >= STUCK_AFTER


def health_of(*, account: GoogleAccount, now: datetime) -> Health:
    """Return how well the link works, in one query."""
    return healths_of(accounts=[account], now=now)[0]


def healths_of(*, accounts: Sequence[GoogleAccount], now: datetime) -> list[Health]:
    """Return how well each link works, in their order; one query, however many there are."""
    to_come = Q(appointment__ends_at__gt=now)
    coming = to_come & Q(appointment__status=Appointment.Status.BOOKED)
    waiting = Q(wanted__gt=F("pushed"), is_held_back=False)
    rows = (
        CalendarEntry.objects.filter(account__in=accounts)
        .order_by()
        .values("account")
        .annotate(
            waiting=Count("pk", filter=waiting),
            waiting_since=Min("wanted_at", filter=waiting),
            different=Count("pk", filter=coming & Q(state__in=CalendarEntry.DIFFERENT)),
            conflicts=Count("pk", filter=coming & Q(has_conflict=True)),
            # Of what is cancelled too: an event that could not be taken away stands in the way there.
            refused=Count("pk", filter=to_come & Q(state=CalendarEntry.State.REFUSED)),
        )
    )
    found = {row["account"]: row for row in rows}
    return [_health(account, found.get(account.pk, {}), now=now) for account in accounts]


def _health(account: GoogleAccount, found: Mapping[str, Any], *, now: datetime) -> Health:
    since, refused = found.get("waiting_since"), found.get("refused", 0)
    waits_for = now - since if since else timedelta()
    unread_for = _unread_for(account, now=now)
    return Health(
        account=account,
        light=_light(account, waits_for, unread_for, is_refused=bool(refused)),
        waiting=found.get("waiting", 0),
        waiting_since=since,
        waits_for=waits_for,
        unread_for=unread_for,
        different=found.get("different", 0),
        conflicts=found.get("conflicts", 0),
        refused=refused,
    )


def _unread_for(account: GoogleAccount, *, now: datetime) -> timedelta:
    """Return the age of the busy times; of the last answer where Google lets nobody read them."""
    if account.state != GoogleAccount.State.CONNECTED:
        return timedelta()
    read_at = account.busy_at if account.can_read_busy else account.last_success_at
    return now - (read_at or account.connected_at)


def _light(
    account: GoogleAccount, waits_for: timedelta, unread_for: timedelta, *, is_refused: bool
) -> Light:
    is_connected = account.state == GoogleAccount.State.CONNECTED
    if not is_connected or max(waits_for, unread_for) >= STUCK_AFTER:
        return Light.RED
    is_slow = waits_for >= SLOW_AFTER or unread_for >= UNREAD_AFTER
    is_silent = account.last_success_at is None
    return Light.ORANGE if is_slow or is_refused or is_silent else Light.GREEN


def report(held: Held) -> None:
    """Set the whole calendar beside what it should hold, once a night; note what was found and mended."""
    with inside(held.unit):
        account = GoogleAccount.objects.get(pk=held.account_id)
    now, own = held.clock(), held.secret().calendar
    if not own or not is_report_due(account, now=now):
        return
    differing = reading.read_own(held, own=own, whole=True)
    with inside(held.unit):
        rows = CalendarEntry.objects.filter(account=account, appointment__ends_at__gt=now)
        refused = rows.filter(state=CalendarEntry.State.REFUSED)
        # What was refused once is tried once a night: a right may have come back.
        mended = refused.update(wanted=F("wanted") + 1, wanted_at=now, state="pending")
        GoogleAccount.objects.filter(pk=account.pk).update(
            checked_at=now, checked=rows.count(), repaired=mended + differing
        )


def is_report_due(account: GoogleAccount, *, now: datetime) -> bool:
    """Return whether the calendar has not been read whole since the last night."""
    if account.checked_at is None:
        return now - account.connected_at >= REPORT_EVERY and now.hour in NIGHT
    age = now - account.checked_at
    return age >= REPORT_AT_THE_LATEST or (age >= REPORT_EVERY and now.hour in NIGHT)


@dataclass(frozen=True)
class Stuck:
    """How many accounts are in trouble: those that should work and could not be written or read for an hour,
    those to be reconnected, and those that work but for what Google refuses."""

    failing: int = 0
    lost: int = 0
    refused: int = 0


@dataclass(frozen=True)
class _Trouble:
    """What is wrong with one account."""

    unit: Unit
    account_id: int
    state: str
    is_unread: bool
    is_waiting: bool
    is_refused: bool

    @property
    def is_connected(self) -> bool:
        return self.state == GoogleAccount.State.CONNECTED


def stuck_accounts(*, now: datetime) -> Stuck:
    """Count the accounts in trouble in all schemas: ids, instants and states only."""
    return _counted(_troubles(now=now))


def _counted(troubles: Collection[_Trouble]) -> Stuck:
    failing = [one for one in troubles if one.is_connected and (one.is_unread or one.is_waiting)]
    lost = [one for one in troubles if not one.is_connected]
    return Stuck(len(failing), len(lost), len(troubles) - len(failing) - len(lost))


def _troubles(*, now: datetime) -> list[_Trouble]:
    since = now - STUCK_AFTER
    values = [since, since, now - _TRIED_WITHIN]
    rows = across.read(served_units(), _in_trouble, values).rows
    return [_Trouble(unit, *row) for unit, row in rows]


def _in_trouble(unit: Unit) -> str:
    """What should be read every ten minutes and was not, whatever is in the way: a right, a secret of ours."""
    entries = (
        f'SELECT 1 FROM "{unit.schema}".booking_calendarentry entry'  # noqa: S608
        " WHERE entry.account_id = account.id AND"
    )
    return (
        "SELECT * FROM (SELECT account.id, account.state,"  # noqa: S608
        " account.state = 'connected' AND COALESCE(CASE WHEN account.can_read_busy"
        " THEN account.busy_at ELSE account.last_success_at END, account.connected_at) <= %s"
        " AS is_unread,"
        f" EXISTS ({entries} entry.wanted > entry.pushed AND NOT entry.is_held_back"
        " AND entry.wanted_at <= %s) AS is_waiting,"
        f" EXISTS ({entries} entry.state = 'refused' AND entry.wanted_at > %s) AS is_refused"
        f' FROM "{unit.schema}".booking_googleaccount account) found'
        " WHERE (state = 'connected' AND (is_unread OR is_waiting OR is_refused))"
        " OR state = 'reconnect'"
    )


def raise_alert(*, now: datetime) -> int:
    """Write lib-rdv's staff of accounts in trouble, and the practitioners; return how many there are."""
    troubles = _troubles(now=now)
    _tell_staff(_counted(troubles), now=now)
    _tell_practitioners(troubles, now=now)
    return len(troubles)


def _tell_staff(stuck: Stuck, *, now: datetime) -> None:
    """Once an hour while an account fails that should work; once a day for what is not ours to mend."""
    count = stuck.failing + stuck.lost + stuck.refused
    if count:
        stamp = now.strftime("%Y%m%d%H" if stuck.failing else "%Y%m%d")
        with inside(PUBLIC):
            write(due=[Due(kinds.CALENDAR_STUCK, count, due_at=now, audience=stamp)], now=now)


def _tell_practitioners(troubles: Collection[_Trouble], *, now: datetime) -> None:
    """Once a day and account, of what could not be written; who must reconnect was told when it was lost.

    What was refused of a visit that is over uses up nobody's mail of the day.
    """
    day = f"{now - _DAY_BEGINS:%Y%m%d}"
    by_unit: dict[Unit, list[int]] = {}
    for one in troubles:
        if one.is_connected and (one.is_waiting or one.is_refused):
            by_unit.setdefault(one.unit, []).append(one.account_id)
    for unit, ids in by_unit.items():
        with inside(unit):
            accounts = list(GoogleAccount.objects.filter(pk__in=ids))
            failing = [one for one in healths_of(accounts=accounts, now=now) if one.is_failing]
            dues = [
                Due(kinds.CALENDAR_FAILING, one.account.pk, due_at=now, audience=day)
                for one in failing
            ]
            write(due=dues, now=now)


def drop_past(*, now: datetime, limit: int = 500) -> int:
    """Wait no longer for what an account that is to be reconnected could not write: the visit is over."""
    past = CalendarEntry.objects.filter(
        account__state=GoogleAccount.State.RECONNECT,
        wanted__gt=F("pushed"),
        appointment__ends_at__lte=now - FAILURE_GRACE,
    ).values_list("pk", flat=True)
    return CalendarEntry.objects.filter(pk__in=list(past[:limit])).update(
        pushed=F("wanted"), state=CalendarEntry.State.GONE
    )
