"""Setting lib-rdv and a calendar beside each other because somebody asked for it."""

from datetime import datetime

from booking.models import GoogleAccount
from booking.services import calendar_entries
from booking.services.google.polling import ask_soon
from tenants.trail import services as trail


def resync(*, account: GoogleAccount, actor: str, now: datetime) -> int:
    """Have every coming appointment written again and the calendar read; return how many.

    What the practitioner moved or deleted there keeps waiting for a decision.
    """
    count = calendar_entries.push_all(account=account, since=now, now=now)
    ask_soon(account_id=account.pk, now=now)
    trail.record(verb="calendar.resynced", ref=account.ref, actor=actor, now=now)
    return count
