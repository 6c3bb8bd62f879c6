"""Limits on wrong passwords of one account, with django-axes (S-04, ADR 60).

Failures are counted by account and network: an IPv4 address, or a /64 of IPv6. After five failures a network is
refused for 5 minutes, then for twice as long with each failure, up to one hour. When other networks have failed
thirty times within an hour, each counted five times at most, two failures are enough. A network that has not
failed may always try: strangers cannot keep the account's owner out, from however many networks.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants import client_address

NETWORK_LIMIT = 5
NETWORK_LIMIT_UNDER_ATTACK = 2
ELSEWHERE_LIMIT = 30
"""Failures of an account on other networks that lower the limit."""
RECENT = timedelta(hours=1)
"""Only networks that failed within this time count as an attack."""
FAILURES_KEPT = timedelta(hours=24)
"""Longer than the longest lock, so that the locks of a network keep growing within a day."""
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


def counted_address(request: HttpRequest) -> str:
    """Return the address by which failures are counted: of IPv6 the first one of the /64."""
    address = client_address.client_ip(request)
    network = client_address.network_of(
        address, ipv6_prefix=client_address.COUNTED_IPV6_PREFIX, ipv4_prefix=32
    )
    return (network or address).split("/")[0]


def lock_of(*, own: int, elsewhere: int) -> timedelta | None:
    """Return the lock of a network after its last failure, or None while it may try.

    ``own`` are its failures within a day, ``elsewhere`` the recent ones of other networks, each counted five at
    most.
    """
    is_attacked = elsewhere >= ELSEWHERE_LIMIT
    limit = NETWORK_LIMIT_UNDER_ATTACK if is_attacked else NETWORK_LIMIT
    if own < limit:
        return None
    doubled: timedelta = FIRST_LOCK * 2 ** min(own - limit, 10)
    return min(doubled, LONGEST_LOCK)


def seconds_locked(request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
    """Return for how many seconds the request's network is refused for the account; 0 when it may try."""
    username = username_of(request, credentials)
    if username is None:
        return 0
    at: datetime = request.axes_attempt_time  # type: ignore[attr-defined]  # set by axes
    failures = AccessAttempt.objects.filter(
        username=username, attempt_time__gte=at - FAILURES_KEPT
    ).order_by()
    address = counted_address(request)
    own = failures.filter(ip_address=address).aggregate(
        count=Sum("failures_since_start"), last_at=Max("attempt_time")
    )
    if not own["count"]:
        return 0
    lock = lock_of(own=own["count"], elsewhere=_elsewhere(failures, address, since=at - RECENT))
    if lock is None:
        return 0
    ends_at: datetime = own["last_at"] + lock
    return max(0, math.ceil((ends_at - at).total_seconds()))


def _elsewhere(failures: Any, address: str, *, since: datetime) -> int:
    counts: Iterable[int] = (
        failures.exclude(ip_address=address)
        .values("ip_address")
        .annotate(count=Sum("failures_since_start"), last_at=Max("attempt_time"))
        .filter(last_at__gte=since)
        .values_list("count", flat=True)[:ELSEWHERE_LIMIT]
    )
    # Each network counts once at least: more of them change nothing.
    return sum(min(count, NETWORK_LIMIT) for count in counts)


def locked_answer(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """Return the page of a lock: 429 with Retry-After, and without the CORS headers of axes' own answer."""
    answer = render(request, "account/locked.html", status=429)
    answer["Retry-After"] = str(seconds_locked(request, credentials) or 1)
    return answer


class FailureHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Judges an account's failures by ``lock_of``; axes stores them."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return what axes compares with AXES_FAILURE_LIMIT, 1: one when the network is locked."""
        return 1 if seconds_locked(request, credentials) else 0

    def clean_expired_user_attempts(
        self, request: HttpRequest | None = None, credentials: dict[str, Any] | None = None
    ) -> int:
        """Delete the network's failures of this account that are older than a day, before one is added.

        ``accounts.services.cleanup`` deletes those of other accounts.
        """
        if request is None:
            return 0
        at: datetime = request.axes_attempt_time  # type: ignore[attr-defined]
        old = AccessAttempt.objects.filter(
            username=username_of(request, credentials),
            ip_address=counted_address(request),
            attempt_time__lt=at - FAILURES_KEPT,
        )
        return int(old.delete()[0])
