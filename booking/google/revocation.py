"""Google has revoked a grant: only the practitioner can give another consent (B-35)."""

from datetime import datetime

from booking.models import GoogleAccount
from booking.rules import kinds
from tenants.audit import services as audit
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write


def mark_lost(*, account_id: int, now: datetime) -> None:
    """Put a connected account into the state RECONNECT and enqueue one e-mail to its practitioner.

    Events that wait for a push keep waiting. An account in another state does not change.
    """
    lost = GoogleAccount.objects.filter(pk=account_id, state=GoogleAccount.LinkState.CONNECTED)
    if not lost.update(state=GoogleAccount.LinkState.RECONNECT, poll_at=None, last_error_at=now):
        return
    account = GoogleAccount.objects.get(pk=account_id)
    stamp = f"{now:%Y%m%d%H%M%S}"
    email = Due(kinds.CALENDAR_LOST, subject_of(account), NO_PAYLOAD, now, repeat=stamp)
    write(due=[email], now=now)
    audit.record(verb="calendar.lost", ref=account.ref, actor=audit.SYSTEM, now=now)
