"""Losing a link: the grant is gone, and only the practitioner can make another one (B-35)."""

from datetime import datetime

from booking import kinds
from booking.models import GoogleAccount
from tenants.outbox.services import Due, write
from tenants.trail import services as trail


def lose(*, account_id: int, now: datetime) -> None:
    """Stop every job of the account and write its practitioner one mail; what waits keeps waiting."""
    lost = GoogleAccount.objects.filter(pk=account_id, state=GoogleAccount.State.CONNECTED)
    if not lost.update(state=GoogleAccount.State.RECONNECT, poll_at=None, last_error_at=now):
        return
    account = GoogleAccount.objects.get(pk=account_id)
    write(due=[Due(kinds.CALENDAR_LOST, account_id, now, audience=f"{now:%Y%m%d%H%M%S}")], now=now)
    trail.record(verb="calendar.lost", ref=account.ref, actor=trail.SYSTEM, now=now)
