"""Looking after an account: what waits is written, its calendar read, its channels kept open."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Q

from booking.google_calendar import Missing, Refused, Unavailable
from booking.google_oauth import Dead
from booking.models import GoogleAccount
from booking.queries import FRESH
from booking.services import calendar_entries
from booking.services.google import channels, lights, reading
from booking.services.google.leases import Busy, Held, hold
from booking.services.google.writing import LONGEST, drain, make_calendar, make_calendar_again
from tenants.schema import Unit, inside


def poll(*, unit: Unit, account_id: int, clock: Callable[[], datetime]) -> bool:
    """Look after one account; False when it could not be done now, and the next poll does it."""
    now = clock()
    with inside(unit):
        # First: what asks for a poll from now on is answered by another one. And once only, however
        # often the bell was rung while no worker came.
        is_old = Q(busy_at__isnull=True) | Q(busy_at__lte=now - FRESH)
        # Busy times that cannot be read stay old: they too are asked for once a minute, not once a page.
        is_rested = Q(poll_at__lte=now + reading.POLL_EVERY - FRESH)
        wanted = Q(poll_at__lte=now) | (Q(can_read_busy=True) & is_old & is_rested)
        due = GoogleAccount.objects.filter(
            wanted, pk=account_id, state=GoogleAccount.State.CONNECTED
        )
        if not due.update(poll_at=now + reading.POLL_EVERY):
            return False
    try:
        with hold(unit=unit, account_id=account_id, clock=clock) as held:
            is_done = _look_after(held)
    except Busy:
        # Somebody else speaks for the account: what was to be looked at still is.
        with inside(unit):
            ask_soon(account_id=account_id, now=clock())
        return False
    except (Dead, Unavailable, Refused, Missing):
        return False
    return is_done


def _look_after(held: Held) -> bool:
    """Read, compare, write, listen; False when busy times could not be read, and all else was done."""
    if not held.secret().calendar:
        make_calendar(held)
    # Read before writing: what the practitioner moved is seen before anything is written over it.
    is_read = True
    try:
        is_read = reading.read(held)
    except Missing:
        make_calendar_again(held, held.secret().calendar)
    lights.report(held)
    _note_missing(held)
    drain(held, until=held.clock() + LONGEST)
    channels.keep_open(held)
    return is_read


def _note_missing(held: Held) -> None:
    """Whatever was lost on the way, a coming visit that the calendar does not know is noted for it."""
    with inside(held.unit):
        held.check_ours()
        account = GoogleAccount.objects.get(pk=held.account_id)
        calendar_entries.push_missing(account=account, now=held.clock())


def ask_soon(*, account_id: int, now: datetime) -> None:
    """Have the account polled by the next beat of the clock."""
    connected = GoogleAccount.objects.filter(pk=account_id, state=GoogleAccount.State.CONNECTED)
    connected.update(poll_at=now)
