"""Limits on wrong passwords with django-axes (S-04).

After five wrong passwords for an account from one network address, or thirty from any address, further
attempts are refused for 5 minutes, then for twice as long with each failure, up to one hour. No lock is
permanent, and failures from another network address do not lock out the account's owner.
"""

from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.db.models import Sum
from django.http import HttpRequest

PAIR_LIMIT = 5
ADDRESS_LIMIT = 30
FIRST_LOCK = timedelta(minutes=5)
LONGEST_LOCK = timedelta(hours=1)


def username_of(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str | None:
    """Return the attempted address in lower case: the credential ``email`` or the form field ``login``."""
    found = (credentials or {}).get("email") or (credentials or {}).get("username")
    if not found and request is not None:
        found = request.POST.get("login")
        if (
            not found
            and getattr(request, "user", None) is not None
            and request.user.is_authenticated
        ):
            found = request.user.get_username()
    return str(found).strip().lower()[:255] if found else None


def lock_time(failures: int) -> timedelta:
    """Return the lock after a number of failures: 5 min after five, doubled by each further one, at most 1 h."""
    if failures <= PAIR_LIMIT:
        return FIRST_LOCK
    doubled: timedelta = FIRST_LOCK * 2 ** min(failures - PAIR_LIMIT, 10)
    return min(doubled, LONGEST_LOCK)


def cool_off(request: HttpRequest | None) -> timedelta:
    """Return the lock of the request's account, for axes; the longest without an address."""
    username = username_of(request) if request is not None else None
    if username is None:
        return LONGEST_LOCK
    total = AccessAttempt.objects.filter(username=username).aggregate(
        total=Sum("failures_since_start")
    )["total"]
    return lock_time(total or 0)


class FailureHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts failures per account and network address; failures of an account from any address count a sixth."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the count that axes compares with AXES_FAILURE_LIMIT, five."""
        pair, address = (
            attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return max(pair, address * PAIR_LIMIT // ADDRESS_LIMIT)

    def clean_expired_user_attempts(
        self, request: HttpRequest | None = None, credentials: dict[str, Any] | None = None
    ) -> int:
        """Delete nothing: the short lock of one account must not end the long lock of another.

        ``accounts.services.cleanup`` deletes failures older than a day.
        """
        return 0
