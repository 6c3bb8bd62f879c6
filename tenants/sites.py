"""The address of a site, for links in messages: a worker has no request to take it from."""

import threading
import time

from django.conf import settings

from tenants.models import Domain
from tenants.schema import PUBLIC, ROUTER, Unit, inside

TTL_SECONDS = 60.0

_lock = threading.Lock()
_known: dict[str, tuple[float, str]] = {}


def site_address(unit: Unit) -> str:
    """Return ``https://host`` of the site where this unit's sign-in and dashboard live, no slash.

    Must be called outside any unit; at most a minute old. LookupError when the schema has no host.
    """
    if unit == PUBLIC:
        return _address(str(settings.APEX))
    hit = _known.get(unit.schema)
    if hit is not None and hit[0] > time.monotonic():
        return hit[1]
    with inside(ROUTER):
        host = (
            Domain.objects.filter(tenant__schema_name=unit.schema, is_custom=False)
            .order_by("-is_primary", "id")
            .values_list("domain", flat=True)
            .first()
        )
    if host is None:
        raise LookupError(unit.schema)
    address = _address(host)
    with _lock:
        _known[unit.schema] = (time.monotonic() + TTL_SECONDS, address)
    return address


def _address(host: str) -> str:
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    return f"{settings.SCHEME}://{host}{port}"
