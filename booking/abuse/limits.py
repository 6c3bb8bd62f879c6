"""Rate limits of anonymous requests by network and by address, per tenant, without storing either of them.

The keys of the counters hold the tenant. When the counters cannot be reached, no request is refused, so that
their failure does not stop a booking.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from tenants import client_address, rate_counters
from tenants.schema import current_unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """At most ``most`` requests in each fixed window of ``seconds``."""

    name: str
    most: int
    seconds: int


SLOTS = Limit("slots", 60, 60)
BOOKING_BY_PAIR = Limit("booking-pair", 10, 600)
"""Per pair of network and address, because town halls and clinics share one network."""
BOOKING_BY_NETWORK = Limit("booking-network", 60, 600)
RIGHTS_BY_ADDRESS = Limit("rights-address", 3, 86_400)
RIGHTS_BY_NETWORK = Limit("rights-network", 20, 86_400)
LINK_ERRORS = Limit("link-errors", 10, 3600)
CONTACT = Limit("contact", 10, 3600)
FEED = Limit("feed", 60, 600)
"""Per feed of an agenda: enough for several programs that read it every few minutes."""

_ABUSE_SIGNALS = Limit("suspects", 30, 600)
"""A practice with this many refused forms in ten minutes is under attack."""


def network_of(request: HttpRequest) -> str:
    """Return the /24 or /64 network of the visitor, which is counted instead of the address."""
    return client_address.visitor_network(request)


@dataclass(frozen=True)
class RateLimitResult:
    """The answer of the counters: seconds until the next window, None within the limits; and attack or not."""

    seconds_to_wait: int | None
    is_under_attack: bool


def hit(*hits: tuple[Limit, Sequence[str]], now: datetime) -> RateLimitResult:
    """Count one request at each limit and read the abuse signals, in one trip to the counters.

    A hit is a limit with the values that identify the visitor.
    """
    keys = {_key(limit, subject, now): limit for limit, subject in hits}
    signals = _key(_ABUSE_SIGNALS, (), now)
    seconds_by_key = {key: limit.seconds for key, limit in keys.items()}
    try:
        found = rate_counters.count(seconds_by_key, read_keys=[signals])
    except rate_counters.Unavailable:
        logger.warning("limits not counted")
        return RateLimitResult(None, is_under_attack=False)
    waits = [_left(limit, now) for key, limit in keys.items() if found[key] > limit.most]
    return RateLimitResult(waits[0] if waits else None, found[signals] >= _ABUSE_SIGNALS.most)


def seconds_to_wait(limit: Limit, *subject: str, now: datetime) -> int | None:
    """Count one request; return None within the limit, else the seconds until the next window."""
    return hit((limit, subject), now=now).seconds_to_wait


def is_over(limit: Limit, *subject: str, now: datetime) -> int | None:
    """Return the seconds to wait when the limit is already reached, else None; counts nothing."""
    key = _key(limit, subject, now)
    try:
        count = rate_counters.count({}, read_keys=[key])[key]
    except rate_counters.Unavailable:
        return None
    return _left(limit, now) if count >= limit.most else None


def record_abuse_signal(*, now: datetime) -> None:
    """Count a form that probably no person has sent: honeypot, time trap, forged token, limit."""
    hit((_ABUSE_SIGNALS, ()), now=now)


def is_under_attack(*, now: datetime) -> bool:
    """Return whether the practice receives so many abuse signals that forms need a proof of work."""
    return is_over(_ABUSE_SIGNALS, now=now) is not None


def _left(limit: Limit, now: datetime) -> int:
    return limit.seconds - int(now.timestamp()) % limit.seconds


def _key(limit: Limit, subject: Sequence[str], now: datetime) -> str:
    """Return the key of a counter: a keyed hash whose salt changes every day, so that no visitor is tracked."""
    unit = current_unit()
    schema = unit.schema if unit else ""
    window = int(now.timestamp()) // limit.seconds
    salt = f"booking.abuse.limits|{schema}|{now:%Y-%m-%d}"
    digest = salted_hmac(salt, "|".join((limit.name, *subject)), algorithm="sha256").hexdigest()
    return f"limit:{schema}:{limit.name}:{window}:{digest[:24]}"


def network_index(request: HttpRequest) -> bytes:
    """Return 32 bytes, specific to this tenant, by which the holds of a network are counted."""
    unit = current_unit()
    schema = unit.schema if unit else ""
    keyed = salted_hmac(f"booking.network|{schema}", network_of(request), algorithm="sha256")
    return hashlib.sha256(keyed.digest()).digest()
