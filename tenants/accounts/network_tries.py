"""Limits by network over all hosts of the platform: on tries of a password, and on requests of password links.

Tries are counted before a password is hashed.

The practice's own count (``limits``) does not see that a visitor tries one password in every practice. Tries that
succeed are given back, so that a shared network pays for failures only. Two tiers: an address, or a /64 of IPv6;
and the /24 or /48 around it, with wider limits, so that one address cannot use up the tries of its neighbours.
When the counters cannot be reached, ``limits`` alone decides: nobody is kept from signing in (ADR 60).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from tenants import client_address, metrics, rate_counters

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TryLimit:
    """At most ``most`` tries of one network in each fixed window of ``seconds``."""

    ipv4_prefix: int
    ipv6_prefix: int
    most: int
    seconds: int


LIMITS = (
    TryLimit(32, 64, 20, 60),
    TryLimit(32, 64, 60, 3_600),
    TryLimit(24, 48, 60, 60),
    TryLimit(24, 48, 240, 3_600),
)


LINK_LIMITS = (TryLimit(32, 64, 10, 86_400), TryLimit(24, 48, 40, 86_400))
LINKS_TO_ONE = TryLimit(32, 64, 3, 86_400)
"""Links that one network may request for one address."""


class TooManyTriesError(Exception):
    """The network has failed too often; ``seconds`` until it may try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class NetworkTry:
    """One counted try; ``succeeded`` says that it must not count."""

    def __init__(self) -> None:
        self.has_succeeded = False

    def succeeded(self) -> None:
        """Do not count this try."""
        self.has_succeeded = True


@contextmanager
def counted(request: HttpRequest, *, now: datetime) -> Iterator[NetworkTry]:
    """Count one try of the request's network around the block. Raises TooManyTriesError before it."""
    address = client_address.client_ip(request)
    limits = {_key("tries", limit, address, now): limit for limit in LIMITS}
    try:
        counts = rate_counters.count({key: limit.seconds for key, limit in limits.items()})
    except rate_counters.Unavailable:
        logger.warning("tries not counted")
        yield NetworkTry()
        return
    waits = [_left(limit, now) for key, limit in limits.items() if counts[key] > limit.most]
    if waits:
        # A refused try costs nothing and must not use up what the networks around have left.
        _give_back(limits)
        metrics.REFUSED.labels("network").inc()
        raise TooManyTriesError(max(waits))
    attempt = NetworkTry()
    yield attempt
    if attempt.has_succeeded:
        _give_back(limits)


def may_request_link(request: HttpRequest, *, email: str, now: datetime) -> bool:
    """Count one request of a password link; return whether its network may still cause one for this address."""
    address = client_address.client_ip(request)
    limits = {_key("links", limit, address, now): limit for limit in LINK_LIMITS}
    limits[_key(f"links|{email}", LINKS_TO_ONE, address, now)] = LINKS_TO_ONE
    try:
        counts = rate_counters.count({key: limit.seconds for key, limit in limits.items()})
    except rate_counters.Unavailable:
        logger.warning("requests of links not counted")
        return True
    return all(counts[key] <= limit.most for key, limit in limits.items())


def _give_back(keys: dict[str, TryLimit]) -> None:
    try:
        rate_counters.give_back(keys)
    except rate_counters.Unavailable:
        logger.warning("tries not given back")


def _left(limit: TryLimit, now: datetime) -> int:
    return limit.seconds - int(now.timestamp()) % limit.seconds


def _key(counted: str, limit: TryLimit, address: str, now: datetime) -> str:
    """Return the key of a counter: a keyed hash whose salt changes every day, without tenant and account."""
    network = client_address.network_of(
        address, ipv6_prefix=limit.ipv6_prefix, ipv4_prefix=limit.ipv4_prefix
    )
    window = int(now.timestamp()) // limit.seconds
    salt = f"tenants.accounts.network_tries|{now:%Y-%m-%d}"
    value = f"{counted}|{network or 'unknown'}"
    digest = salted_hmac(salt, value, algorithm="sha256").hexdigest()
    return f"tries:{limit.seconds}:{limit.ipv4_prefix}:{window}:{digest[:24]}"
