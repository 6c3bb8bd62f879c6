"""Host to tenant: from Host and from nothing else, without a lookup per request."""

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
from tests.conftest import ONE, PUBLIC_HOST, TWO


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    routing.cache.clear()


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def door(public: Unit, seen: list[Any]) -> Callable[..., int]:
    """Send a request through the middleware; the view notes the unit in which it runs."""

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
        ("one.lib-rdv.localhost", ONE.schema),
        ("one.lib-rdv.localhost:8000", ONE.schema),
        ("ONE.Lib-RDV.localhost", ONE.schema),
        ("two.lib-rdv.localhost", TWO.schema),
        (PUBLIC_HOST, "public"),
        (f"www.{PUBLIC_HOST}", "public"),
    ],
)
def test_a_host_leads_to_its_schema(door, seen, host: str, schema: str) -> None:
    assert door(host) == 200
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
def test_any_other_host_is_a_404(door, seen, host: str) -> None:
    assert door(host) == 404
    assert seen == []


def test_forwarded_hosts_are_not_believed(door, seen) -> None:
    door("two.lib-rdv.localhost", x_forwarded_host="one.lib-rdv.localhost")

    assert seen[0][0] == TWO


def test_a_known_host_costs_no_lookup(door) -> None:
    door("one.lib-rdv.localhost")
    before = routing.cache.lookups

    for _time in range(5):
        door("one.lib-rdv.localhost")

    assert routing.cache.lookups == before


def test_an_unknown_host_costs_one_lookup_a_minute(door) -> None:
    before = routing.cache.lookups

    for _time in range(5):
        door("nobody.lib-rdv.localhost")

    assert routing.cache.lookups == before + 1


def test_a_scan_of_names_does_not_fill_the_memory(door, monkeypatch) -> None:
    monkeypatch.setattr(routing, "CAPACITY", 10)

    for letter in string.ascii_lowercase:
        door(f"{letter}.lib-rdv.localhost")

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


def test_a_custom_domain_that_is_not_verified_leads_nowhere(door, add_domain) -> None:
    add_domain("rdv.cabinet.example", ONE.schema, is_custom=True)

    assert door("rdv.cabinet.example") == 404


def test_a_custom_domain_serves_the_patients_urls_only(door, seen, add_domain) -> None:
    add_domain("rdv.cabinet.example", ONE.schema, is_custom=True, verified_at=datetime.now(UTC))

    door("rdv.cabinet.example")

    assert seen[0] == (ONE, "config.urls_custom")


@pytest.mark.parametrize("state", ["ordered", "provisioning", "terminated", "erased"])
def test_a_space_that_is_not_served_is_a_404(door, set_state, state: str) -> None:
    set_state(ONE.schema, state)

    assert door("one.lib-rdv.localhost") == 404


@pytest.mark.parametrize("state", ["ready", "live", "suspended"])
def test_a_space_that_is_served_answers(door, set_state, state: str) -> None:
    set_state(ONE.schema, state)

    assert door("one.lib-rdv.localhost") == 200


def test_a_space_behind_in_migrations_is_not_served(door, seen) -> None:
    from tenants.models import Tenant

    Tenant.objects.filter(schema_name=ONE.schema).update(schema_version="older")

    assert door("one.lib-rdv.localhost") == 503
    assert seen == []


def test_a_name_dropped_from_memory_is_looked_up_again(door, set_state) -> None:
    door("one.lib-rdv.localhost")
    set_state(ONE.schema, "terminated")

    assert door("one.lib-rdv.localhost") == 200  # a minute old at most
    routing.forget("one.lib-rdv.localhost")
    assert door("one.lib-rdv.localhost") == 404
