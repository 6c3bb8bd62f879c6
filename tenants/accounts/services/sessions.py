"""Ending sessions: of one person, or those whose time is past."""

from datetime import datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from tenants.accounts.models import User
from tenants.trail.services import actor_of, record


def close_others(*, user: User, keep: str, now: datetime) -> int:
    """End every session of ``user`` except ``keep``; return how many.

    A practice has few sessions at a time, and only reading one says whose it is.
    """
    live = Session.objects.filter(expire_date__gte=now).exclude(session_key=keep)
    found = [held.pk for held in live if held.get_decoded().get(SESSION_KEY) == str(user.pk)]
    closed = Session.objects.filter(pk__in=found).delete()[0]
    record(verb="sessions.closed", ref=user.ref, actor=actor_of(user.pk), now=now)
    return closed
