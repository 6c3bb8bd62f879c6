"""Deletes expired sign-in data. Each function deletes at most ``limit`` rows and returns how many."""

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db.models import Q

from tenants.accounts.limits import FAILURES_KEPT
from tenants.accounts.models import EmailChange, Invitation

INVITATIONS_KEPT = timedelta(days=30)


def delete_failures(*, now: datetime, limit: int) -> int:
    """Delete sign-in failures older than a day."""
    old = AccessAttempt.objects.filter(attempt_time__lt=now - FAILURES_KEPT)
    batch = list(old.values_list("pk", flat=True)[:limit])
    AccessAttempt.objects.filter(pk__in=batch).delete()
    return len(batch)


def delete_sessions(*, now: datetime, limit: int) -> int:
    """Delete expired sessions."""
    old = Session.objects.filter(expire_date__lt=now)
    return Session.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()[0]


def delete_invitations(*, now: datetime, limit: int) -> int:
    """Delete invitations 30 days after they were accepted, revoked or expired."""
    before = now - INVITATIONS_KEPT
    expired = Invitation.objects.filter(
        Q(accepted_at__lt=before) | Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    )
    return Invitation.objects.filter(
        pk__in=list(expired.values_list("pk", flat=True)[:limit])
    ).delete()[0]


def delete_email_changes(*, now: datetime, limit: int) -> int:
    """Delete changes of address whose links are closed or expired; requests of the last day are counted."""
    expired = EmailChange.objects.filter(
        Q(closed_at__lte=now)
        | Q(undo_until__lte=now)
        | Q(undo_until__isnull=True, expires_at__lte=now)
    )
    expired = expired.filter(asked_at__lte=now - timedelta(days=1))
    return EmailChange.objects.filter(
        pk__in=list(expired.values_list("pk", flat=True)[:limit])
    ).delete()[0]


DELETIONS = (delete_failures, delete_sessions, delete_invitations, delete_email_changes)
