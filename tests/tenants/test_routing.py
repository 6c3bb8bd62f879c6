"""Routing of hosts to tenants: from the Host header only, without a query per request."""

import string
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from tenants import routing
from tenants.middleware import UnitOfWork
from tenants.schema import Unit, current_unit
from tests.conftest import PUBLIC_HOST, TENANT_ONE, TENANT_TWO


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    routing.cache.clear()


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def send(public: Unit, seen: list[Any]) -> Callable[..., int]:
    """Return a function that sends a request through the middleware; the view records its unit."""

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((current_unit(), request.urlconf))
        return HttpResponse("ok")

    def send(host: str, **headers: str) -> int:
        request = RequestFactory().get("/", headers={"host": host, **headers})
        return UnitOfWork(view)(request).status_code

    return send


@pytest.mark.parametrize(
    ("host", "schema"),
    [
        ("one.lib-rdv.localhost", TENANT_ONE.schema),
        ("one.lib-rdv.localhost:8000", TENANT_ONE.schema),
        ("ONE.Lib-RDV.localhost", TENANT_ONE.schema),
        ("two.lib-rdv.localhost", TENANT_TWO.schema),
        (PUBLIC_HOST, "public"),
        (f"www.{PUBLIC_HOST}", "public"),
    ],
)
def test_a_host_leads_to_its_schema(send, seen, host: str, schema: str) -> None:
    assert send(host) == 200
    assert seen[0][0].schema == schema


@pytest.mark.parametrize(
    "host",
    [
        "three.lib-rdv.localhost",
        "one.two.lib-rdv.localhost",
        "lib-rdv.localhost.example.org",
        "t_one.lib-rdv.localhost",
        "one.lib-rdv.localhost, two.lib-rdv.localhost",
        "one.lib-rdv.localhost@two.lib-rdv.localhost",
        "127.0.0.1",
        "[::1]:8000",
        "",
        "xn--one-.lib-rdv.localhost",
        "öne.lib-rdv.localhost",
        "one.lib-rdv.localhost/../two.lib-rdv.localhost",
        "one.lib-rdv.localhost:port",
        ".",
        "..",
    ],
)
def test_any_other_host_is_a_404(send, seen, host: str) -> None:
    assert send(host) == 404
    assert seen == []


def test_forwarded_host_headers_are_ignored(send, seen) -> None:
    send("two.lib-rdv.localhost", x_forwarded_host="one.lib-rdv.localhost")

    assert seen[0][0] == TENANT_TWO


def test_a_known_host_costs_no_lookup(send) -> None:
    send("one.lib-rdv.localhost")
    before = routing.cache.lookups

    for _time in range(5):
        send("one.lib-rdv.localhost")

    assert routing.cache.lookups == before


def test_an_unknown_host_is_remembered_too(send) -> None:
    before = routing.cache.lookups

    for _time in range(5):
        send("nobody.lib-rdv.localhost")

    assert routing.cache.lookups == before + 1


def test_the_cache_of_unknown_hosts_is_bounded(send, monkeypatch) -> None:
    monkeypatch.setattr(routing, "CAPACITY", 10)

    for name in string.ascii_lowercase:
        send(f"{name}.lib-rdv.localhost")

    assert len(routing.cache._entries) == 10


@pytest.fixture
def add_domain(public: Unit) -> Any:
    from tenants.models import Domain, Tenant

    def add(name: str, schema: str, **fields: Any) -> None:
        tenant = Tenant.objects.get(schema_name=schema)
        Domain.objects.create(domain=name, tenant=tenant, is_primary=False, **fields)

    return add


@pytest.fixture
def set_state(public: Unit) -> Callable[[str, str], None]:
    from tenants.models import Tenant

    def change(schema: str, state: str) -> None:
        Tenant.objects.filter(schema_name=schema).update(state=state)

    return change


def test_an_unverified_custom_domain_has_no_route(send, add_domain) -> None:
    add_domain("rdv.cabinet.example", TENANT_ONE.schema, is_custom=True)

    assert send("rdv.cabinet.example") == 404


def test_a_custom_domain_serves_the_patients_urls_only(send, seen, add_domain) -> None:
    add_domain(
        "rdv.cabinet.example", TENANT_ONE.schema, is_custom=True, verified_at=datetime.now(UTC)
    )

    send("rdv.cabinet.example")

    assert seen[0] == (TENANT_ONE, "config.urls_custom")


@pytest.mark.parametrize("state", ["ordered", "provisioning", "terminated", "erased"])
def test_a_tenant_that_is_not_served_is_a_404(send, set_state, state: str) -> None:
    set_state(TENANT_ONE.schema, state)

    assert send("one.lib-rdv.localhost") == 404


@pytest.mark.parametrize("state", ["ready", "live", "suspended"])
def test_a_served_tenant_responds(send, set_state, state: str) -> None:
    set_state(TENANT_ONE.schema, state)

    assert send("one.lib-rdv.localhost") == 200


def test_a_tenant_with_outdated_migrations_is_not_served(send, seen) -> None:
    from tenants.models import Tenant

    Tenant.objects.filter(schema_name=TENANT_ONE.schema).update(schema_version="older")

    assert send("one.lib-rdv.localhost") == 503
    assert seen == []


def test_every_process_sees_a_change_of_state_within_two_seconds(
    public: Unit, set_state: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("tenants.routing.time.monotonic", lambda: clock)
    processes = [routing._Cache(), routing._Cache()]

    def states() -> set[str | None]:
        seen: set[str | None] = set()
        for process in processes:
            monkeypatch.setattr(routing, "cache", process)
            route = routing.find_route("one.lib-rdv.localhost")
            seen.add(route.state if route else None)
        return seen

    assert states() == {"live"}
    set_state(TENANT_ONE.schema, "suspended")
    clock += 2
    assert states() == {"suspended"}
    set_state(TENANT_ONE.schema, "terminated")
    clock += 2
    assert states() == {None}


def test_a_new_host_is_served_within_two_seconds(
    public: Unit, add_domain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("tenants.routing.time.monotonic", lambda: clock)
    monkeypatch.setattr(routing, "cache", routing._Cache())

    assert routing.find_route("new.lib-rdv.localhost") is None
    add_domain("new.lib-rdv.localhost", TENANT_ONE.schema)
    clock += 2
    assert routing.find_route("new.lib-rdv.localhost") is not None
