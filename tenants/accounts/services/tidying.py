"""Forgetting what served to sign in and serves no more. Each sweep deletes one batch; returns how many."""

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db.models import Q

from tenants.accounts.models import EmailChange, Invitation

FAILURES_KEPT = timedelta(hours=24)
"""Longer than the longest lock, so that a lock goes on growing within a day."""
INVITATIONS_KEPT = timedelta(days=30)


def forget_failures(*, now: datetime, limit: int) -> int:
    """Delete wrong passwords older than a day."""
    old = AccessAttempt.objects.filter(attempt_time__lt=now - FAILURES_KEPT)
    batch = list(old.values_list("pk", flat=True)[:limit])
    AccessAttempt.objects.filter(pk__in=batch).delete()
    return len(batch)


def drop_sessions(*, now: datetime, limit: int) -> int:
    """Delete the sessions that have expired."""
    old = Session.objects.filter(expire_date__lt=now)
    return Session.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()[0]


def forget_invitations(*, now: datetime, limit: int) -> int:
    """Delete invitations 30 days after they were used, closed, or ended."""
    before = now - INVITATIONS_KEPT
    over = Invitation.objects.filter(
        Q(accepted_at__lt=before) | Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    )
    return Invitation.objects.filter(
        pk__in=list(over.values_list("pk", flat=True)[:limit])
    ).delete()[0]


def forget_addresses(*, now: datetime, limit: int) -> int:
    """Delete changes of address whose links open nothing any more."""
    over = EmailChange.objects.filter(
        Q(closed_at__lte=now)
        | Q(undo_until__lte=now)
        | Q(undo_until__isnull=True, expires_at__lte=now)
    )
    return EmailChange.objects.filter(
        pk__in=list(over.values_list("pk", flat=True)[:limit])
    ).delete()[0]


SWEEPS = (forget_failures, drop_sessions, forget_invitations, forget_addresses)
