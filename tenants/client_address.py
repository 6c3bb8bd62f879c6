"""The IP address of a request's client, and the network of an address.

The only module that reads TRUSTED_PROXIES, the number of proxies in front of the application.
"""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

IPV4_PREFIX = 24
COUNTED_IPV6_PREFIX = 64
"""The prefix for rate counters: a /64 is the smallest network of a subscriber, and the only one of a mobile
subscriber. With a /48 thousands of subscribers would share the few slot holds of one network."""
LOGGED_IPV6_PREFIX = 48
"""The prefix for logs: a /64 would identify a subscriber as exactly as an IPv4 address (S-24)."""


def client_ip(request: HttpRequest) -> str:
    """Return the client's address: REMOTE_ADDR, or the entry of X-Forwarded-For set by the outermost proxy.

    Each trusted proxy appends one entry. The client's is therefore counted from the right, empty entries
    included, and entries sent by the client are ignored. Behind a Unix socket REMOTE_ADDR is empty: without an
    entry the result is 127.0.0.1.
    """
    proxies: int = settings.TRUSTED_PROXIES
    if proxies:
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(chain) >= proxies and chain[-proxies]:
            return chain[-proxies]
    return str(request.META.get("REMOTE_ADDR") or "127.0.0.1")


def network_of(address: str, *, ipv6_prefix: int, ipv4_prefix: int = IPV4_PREFIX) -> str | None:
    """Return the network of an IP address, /24 for IPv4 by default; None for any other text."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    prefix = ipv4_prefix if known.version == 4 else ipv6_prefix
    return str(ipaddress.ip_network((known, prefix), strict=False))


def visitor_network(request: HttpRequest) -> str:
    """Return the /24 or /64 network of the visitor, which is counted instead of the address."""
    return network_of(client_ip(request), ipv6_prefix=COUNTED_IPV6_PREFIX) or "unknown"
