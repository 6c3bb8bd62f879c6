"""How often a network or an address may knock, counted per tenant without keeping either of them.

The counters live in the cache, whose keys carry the tenant. When the cache is away nothing is
refused: losing it must never stop a booking.
"""

import hashlib
import ipaddress
import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from tenants.schema import current_unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """``most`` times in ``seconds`` (fixed windows)."""

    name: str
    most: int
    seconds: int


SLOTS = Limit("slots", 60, 60)
BOOKING_BY_PAIR = Limit("booking-pair", 10, 600)
"""By network and address together: town halls and clinics share one network."""
BOOKING_BY_NETWORK = Limit("booking-network", 60, 600)
RIGHTS_BY_ADDRESS = Limit("rights-address", 3, 86_400)
RIGHTS_BY_NETWORK = Limit("rights-network", 20, 86_400)
LINK_ERRORS = Limit("link-errors", 10, 3600)
CONTACT = Limit("contact", 10, 3600)

_SUSPECTS = Limit("suspects", 30, 600)
"""Past this many refused forms in ten minutes a practice is under attack."""


def network_of(request: HttpRequest) -> str:
    """Return the visitor's /24 or /64: what is counted, never the address itself."""
    try:
        address = ipaddress.ip_address(_address_of(request))
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    prefix = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))


def seconds_to_wait(limit: Limit, *who: str, now: datetime) -> int | None:
    """Count one knock; return None, or past the limit the seconds until the next window."""
    elapsed = int(now.timestamp()) % limit.seconds
    count = _count(limit, who, now)
    return limit.seconds - elapsed if count > limit.most else None


def is_over(limit: Limit, *who: str, now: datetime) -> int | None:
    """Return the seconds to wait when the limit was passed before, without counting."""
    try:
        count = int(cache.get(_key(limit, who, now)) or 0)
    except (RedisError, ConnectionError):
        return None
    return limit.seconds - int(now.timestamp()) % limit.seconds if count >= limit.most else None


def note_suspect(*, now: datetime) -> None:
    """Count a form that no person would have sent: honeypot, time trap, forged token, limit."""
    _count(_SUSPECTS, (), now)


def is_under_attack(*, now: datetime) -> bool:
    """Return whether this practice receives so many such forms that the next ones must work for it."""
    return is_over(_SUSPECTS, now=now) is not None


def _count(limit: Limit, who: tuple[str, ...], now: datetime) -> int:
    key = _key(limit, who, now)
    try:
        cache.add(key, 0, timeout=limit.seconds)
        return int(cache.incr(key))
    except (RedisError, ConnectionError, ValueError):
        logger.warning("limit not counted: %s", limit.name)
        return 0


def _key(limit: Limit, who: tuple[str, ...], now: datetime) -> str:
    """Key of a counter: a keyed hash whose salt changes every day, so it finds nobody again."""
    unit = current_unit()
    schema = unit.schema if unit else ""
    window = int(now.timestamp()) // limit.seconds
    salt = f"booking.limits|{schema}|{now:%Y-%m-%d}"
    digest = salted_hmac(salt, "|".join((limit.name, *who)), algorithm="sha256").hexdigest()
    return f"limit:{schema}:{limit.name}:{window}:{digest[:24]}"


def network_index(request: HttpRequest) -> bytes:
    """Return 32 bytes by which a network's live holds are counted, proper to this tenant."""
    unit = current_unit()
    schema = unit.schema if unit else ""
    keyed = salted_hmac(f"booking.network|{schema}", network_of(request), algorithm="sha256")
    return hashlib.sha256(keyed.digest()).digest()


def _address_of(request: HttpRequest) -> str:
    """Return the address seen by the outermost of our own proxies; without proxies, the peer's."""
    proxies: int = getattr(settings, "TRUSTED_PROXIES", 0)
    if proxies:
        hops = [
            hop.strip()
            for hop in request.headers.get("X-Forwarded-For", "").split(",")
            if hop.strip()
        ]
        if len(hops) >= proxies:
            return hops[-proxies]
    return str(request.META.get("REMOTE_ADDR", ""))
