"""Limits on wrong passwords, kept by axes (S-04).

Five wrong passwords for an address from one network address, or thirty from anywhere, and the next try
is refused for a while that doubles up to one hour. Nobody is locked out for good, and somebody who
tries from elsewhere does not keep the owner of the account out.
"""

from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.db.models import Sum
from django.http import HttpRequest

from tenants.accounts.client import client_ip

PAIR_LIMIT = 5
ADDRESS_LIMIT = 30
FIRST_LOCK = timedelta(minutes=5)
LONGEST_LOCK = timedelta(hours=1)


def username_of(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str | None:
    """Return the address that was tried: allauth says ``email``, its form field is ``login``."""
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


def ip_of(request: HttpRequest) -> str:
    """Return the client's address for axes."""
    return client_ip(request)


def lock_time(failures: int) -> timedelta:
    """Return how long the next try is refused: 5 min after five failures, doubled by each one, 1 h at most."""
    if failures <= PAIR_LIMIT:
        return FIRST_LOCK
    doubled: timedelta = FIRST_LOCK * 2 ** min(failures - PAIR_LIMIT, 10)
    return min(doubled, LONGEST_LOCK)


def cool_off(request: HttpRequest | None) -> timedelta:
    """Return for how long failures count for this request; the longest when it is unknown."""
    username = username_of(request) if request is not None else None
    if username is None:
        return LONGEST_LOCK
    total = AccessAttempt.objects.filter(username=username).aggregate(
        total=Sum("failures_since_start")
    )["total"]
    return lock_time(total or 0)


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts by address and network address; what comes from anywhere weighs a sixth."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the count that is compared with the limit of five."""
        pair, address = (
            attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return max(pair, address * PAIR_LIMIT // ADDRESS_LIMIT)

    def clean_expired_user_attempts(
        self, request: HttpRequest | None = None, credentials: dict[str, Any] | None = None
    ) -> int:
        """Delete nothing here: one person's short lock must not end another's long one.

        What is older than a day is deleted by ``accounts.services.purge``.
        """
        return 0
