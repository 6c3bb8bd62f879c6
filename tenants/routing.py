"""Maps host names to tenants, with a cache in each process: a cached host costs no query (design section 3).

A cached route is so short-lived that all processes serve a suspension, a new host or a finished migration at
nearly the same time, without any message between them: whoever writes a tenant need not know of the cache.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from django.conf import settings
from django.db.models import OuterRef, Subquery

from tenants.models import Domain, Tenant
from tenants.schema import PUBLIC, ROUTER, Unit, inside, tenant_unit

TTL_SECONDS = 1.5
"""Staff and patients see a change of state at most this late, whichever process answers."""
CAPACITY = 10_000


@dataclass(frozen=True)
class Route:
    """The tenant of a host name. ``is_custom``: a client's own domain, which serves patient pages only."""

    unit: Unit
    state: str
    is_custom: bool
    primary_host: str
    schema_version: str
    time_zone: str = "Europe/Paris"
    is_connecting: bool = False
    """The host CONNECT_HOST, which receives Google's redirects and belongs to no tenant."""

    @property
    def is_public(self) -> bool:
        """Whether this is lib-rdv's own host."""
        return self.unit == PUBLIC and not self.is_connecting


class _Cache:
    """A bounded map host -> (deadline, route or None), unknown hosts included; evicts the oldest entry first.

    Deadlines are values of ``time.monotonic()`` in seconds.
    """

    def __init__(self) -> None:
        self.seconds = TTL_SECONDS
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[float, Route | None]] = OrderedDict()
        self.lookups = 0

    def get(self, host: str) -> tuple[float, Route | None] | None:
        return self._entries.get(host)

    def put(self, host: str, route: Route | None) -> None:
        with self._lock:
            self.lookups += 1
            self._entries[host] = (time.monotonic() + self.seconds, route)
            while len(self._entries) > CAPACITY:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


cache = _Cache()


def find_route(host: str) -> Route | None:
    """Return the route of ``host`` (lower case, without port), or None for an unknown host.

    The route is at most ``TTL_SECONDS`` old.
    """
    hit = cache.get(host)
    if hit is not None and hit[0] > time.monotonic():
        return hit[1]
    route = _query_route(host)
    cache.put(host, route)
    return route


def _query_route(host: str) -> Route | None:
    if host in settings.PUBLIC_HOSTS:
        return Route(
            PUBLIC, Tenant.State.LIVE, is_custom=False, primary_host=host, schema_version=""
        )
    if host == settings.CONNECT_HOST:
        return Route(
            PUBLIC,
            Tenant.State.LIVE,
            is_custom=False,
            primary_host=host,
            schema_version="",
            is_connecting=True,
        )
    own = Domain.objects.filter(tenant=OuterRef("tenant"), is_custom=False)
    primary = own.order_by("-is_primary", "id").values("domain")[:1]
    with inside(ROUTER):
        row = (
            Domain.objects.filter(domain=host, tenant__state__in=Tenant.SERVED)
            .values_list(
                "tenant__schema_name",
                "tenant__state",
                "is_custom",
                "tenant__schema_version",
                "verified_at",
                "tenant__time_zone",
                Subquery(primary),
            )
            .first()
        )
    if row is None:
        return None
    schema, state, is_custom, version, verified_at, time_zone, primary_host = row
    if is_custom and verified_at is None:
        return None
    return Route(
        unit=tenant_unit(schema),
        state=state,
        is_custom=is_custom,
        primary_host=primary_host or host,
        schema_version=version,
        time_zone=time_zone,
    )


def served_units() -> list[Unit]:
    """Return the units of all served tenants, ordered by creation."""
    with inside(ROUTER):
        names = Tenant.objects.filter(state__in=Tenant.SERVED).order_by("id")
        return [tenant_unit(name) for name in names.values_list("schema_name", flat=True)]


def kept_units() -> list[Unit]:
    """Return the units of all tenants with a schema, served or not, for keys, registers and backups."""
    without = (Tenant.State.ORDERED, Tenant.State.PROVISIONING, Tenant.State.ERASED)
    with inside(ROUTER):
        names = Tenant.objects.exclude(state__in=without).order_by("id")
        return [tenant_unit(name) for name in names.values_list("schema_name", flat=True)]


def is_served(schema: str) -> bool:
    """Return whether ``schema`` belongs to a served tenant; workers check it for each message."""
    with inside(ROUTER):
        return Tenant.objects.filter(schema_name=schema, state__in=Tenant.SERVED).exists()


def is_live(unit: Unit) -> bool:
    """Return whether a tenant is in state LIVE and takes online bookings."""
    with inside(ROUTER):
        live = Tenant.objects.filter(schema_name=unit.schema, state=Tenant.State.LIVE)
        return live.exists()


def live_primary_domains(limit: int) -> list[Domain]:
    """Return the primary domains of the first ``limit`` live tenants, with their tenants, in one query."""
    live = Domain.objects.filter(is_primary=True, tenant__state=Tenant.State.LIVE)
    return list(live.select_related("tenant").order_by("tenant__id")[:limit])


def base_url(unit: Unit) -> str:
    """Return the address of a tenant's own host, without final slash, for links in messages.

    Never a custom domain, which the client may give up. Call it outside any unit. Raises LookupError when
    the tenant has no host.
    """
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    if unit == PUBLIC:
        return f"{settings.SCHEME}://{settings.APEX}{port}"
    with inside(ROUTER):
        host = (
            Domain.objects.filter(tenant__schema_name=unit.schema, is_custom=False)
            .order_by("-is_primary", "id")
            .values_list("domain", flat=True)
            .first()
        )
    if host is None:
        raise LookupError(unit.schema)
    return f"{settings.SCHEME}://{host}{port}"
