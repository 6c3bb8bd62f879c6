"""Resynchronisation of a calendar on request of its practitioner."""

from datetime import datetime

from booking.calendar_sync import calendar_entries
from booking.google.polls import request_poll
from booking.models import GoogleAccount
from tenants.audit import services as audit


def resync(*, account: GoogleAccount, actor: str, now: datetime) -> int:
    """Schedule a push of every coming appointment and a poll of the calendar; return how many appointments.

    An event that the practitioner has moved or deleted in Google keeps waiting for a decision.
    """
    count = calendar_entries.push_all(account=account, since=now, now=now)
    request_poll(account_id=account.pk, now=now)
    audit.record(verb="calendar.resynced", ref=account.ref, actor=actor, now=now)
    return count
