"""How often a network or an address may knock, counted per tenant without keeping either of them.

The keys of the counters carry the tenant. When the counters are away nothing is
refused: losing it must never stop a booking.
"""

import hashlib
import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from tenants import counters
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
FEED = Limit("feed", 60, 600)
"""Of one agenda's feed: several programs that ask every few minutes, and no more."""

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


@dataclass(frozen=True)
class Doorstep:
    """What the counters say of a visitor: how long to wait, if at all, and whether we are attacked."""

    seconds_to_wait: int | None
    is_under_attack: bool


def knock(*knocks: tuple[Limit, Sequence[str]], now: datetime) -> Doorstep:
    """Count one knock at each limit and look at the suspects, in one trip to the counters."""
    keys = {_key(limit, who, now): limit for limit, who in knocks}
    suspects = _key(_SUSPECTS, (), now)
    seconds_by_key = {key: limit.seconds for key, limit in keys.items()}
    try:
        found = counters.count(seconds_by_key, look_at=[suspects])
    except counters.Unavailable:
        logger.warning("limits not counted")
        return Doorstep(None, is_under_attack=False)
    waits = [_left(limit, now) for key, limit in keys.items() if found[key] > limit.most]
    return Doorstep(waits[0] if waits else None, found[suspects] >= _SUSPECTS.most)


def seconds_to_wait(limit: Limit, *who: str, now: datetime) -> int | None:
    """Count one knock; return None, or past the limit the seconds until the next window."""
    return knock((limit, who), now=now).seconds_to_wait


def is_over(limit: Limit, *who: str, now: datetime) -> int | None:
    """Return the seconds to wait when the limit was passed before, without counting."""
    key = _key(limit, who, now)
    try:
        count = counters.count({}, look_at=[key])[key]
    except counters.Unavailable:
        return None
    return _left(limit, now) if count >= limit.most else None


def note_suspect(*, now: datetime) -> None:
    """Count a form that no person would have sent: honeypot, time trap, forged token, limit."""
    knock((_SUSPECTS, ()), now=now)


def is_under_attack(*, now: datetime) -> bool:
    """Return whether this practice receives so many such forms that the next ones must work for it."""
    return is_over(_SUSPECTS, now=now) is not None


def _left(limit: Limit, now: datetime) -> int:
    return limit.seconds - int(now.timestamp()) % limit.seconds


def _key(limit: Limit, who: Sequence[str], now: datetime) -> str:
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
