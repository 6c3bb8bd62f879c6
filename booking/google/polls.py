"""Polls of an account: read its calendar, push its waiting events, keep its push channels open."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Q

from booking.calendar_sync import calendar_entries
from booking.google import (
    channels,
    pull,
    sync_health,
)
from booking.google.calendar_api import (
    Missing,
    Refused,
    Unavailable,
)
from booking.google.leases import (
    AccountLease,
    LeaseUnavailable,
    acquire_lease,
)
from booking.google.oauth import GrantRevoked
from booking.google.push import (
    LONGEST,
    drain,
    make_calendar,
    make_calendar_again,
)
from booking.models import GoogleAccount
from booking.scheduling.queries import FRESH
from tenants.schema import Unit, inside


def poll(*, unit: Unit, account_id: int, clock: Callable[[], datetime]) -> bool:
    """Poll one account; False when the poll is not due or failed, and then a later poll repeats it.

    Due are accounts whose ``poll_at`` has come, and accounts whose busy times are older than ``FRESH``.
    """
    now = clock()
    with inside(unit):
        # ``poll_at`` moves before the poll begins: a request that arrives during the poll then causes another one,
        # and several messages enqueued while no worker was free cause one poll only.
        is_stale = Q(busy_at__isnull=True) | Q(busy_at__lte=now - FRESH)
        # Unreadable busy times stay stale: pages may cause one attempt a minute, not one attempt each.
        is_retry_due = Q(poll_at__lte=now + pull.POLL_EVERY - FRESH)
        is_due = Q(poll_at__lte=now) | (Q(can_read_busy=True) & is_stale & is_retry_due)
        due = GoogleAccount.objects.filter(
            is_due, pk=account_id, state=GoogleAccount.LinkState.CONNECTED
        )
        if not due.update(poll_at=now + pull.POLL_EVERY):
            return False
    try:
        with acquire_lease(unit=unit, account_id=account_id, clock=clock) as lease:
            is_complete = _sync(lease)
    except LeaseUnavailable:
        # Another worker has the lease and may have read the calendar before the change that made this poll due.
        with inside(unit):
            request_poll(account_id=account_id, now=clock())
        return False
    except (GrantRevoked, Unavailable, Refused, Missing):
        return False
    return is_complete


def _sync(lease: AccountLease) -> bool:
    """Read, compare and write the calendar, and renew its channels; False when busy times could not be read.

    Unreadable busy times stop none of the other steps.
    """
    if not lease.secret().calendar:
        make_calendar(lease)
    # Read before writing: an event that the practitioner has moved must be noticed before a push overwrites it.
    is_read = True
    try:
        is_read = pull.read(lease)
    except Missing:
        make_calendar_again(lease, lease.secret().calendar)
    sync_health.run_nightly_check(lease)
    _push_missing(lease)
    drain(lease, until=lease.clock() + LONGEST)
    channels.keep_open(lease)
    return is_read


def _push_missing(lease: AccountLease) -> None:
    """Schedule a push of the coming appointments without a CalendarEntry of this account."""
    with inside(lease.unit):
        lease.check_ours()
        account = GoogleAccount.objects.get(pk=lease.account_id)
        calendar_entries.push_missing(account=account, now=lease.clock())


def request_poll(*, account_id: int, now: datetime) -> None:
    """Make a connected account due for a poll; the periodic task ``poll_all`` enqueues it."""
    connected = GoogleAccount.objects.filter(pk=account_id, state=GoogleAccount.LinkState.CONNECTED)
    connected.update(poll_at=now)
