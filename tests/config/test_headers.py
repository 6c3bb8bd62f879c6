"""Security headers of every response of every route, errors, probes and files included (S-01)."""

import functools
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from tenants import routing
from tenants.models import Domain, Tenant
from tenants.schema import PUBLIC, Unit, inside
from tests.conftest import HOSTS, PUBLIC_HOST, TENANT_ONE
from tests.factories import Cabinet

CUSTOM = "rdv.cabinet-exemple.fr"
CONNECT = f"connect.{PUBLIC_HOST}"
HOST_OF = {
    "config.urls_tenant": HOSTS[TENANT_ONE.schema],
    "config.urls_public": PUBLIC_HOST,
    "config.urls_custom": CUSTOM,
    "config.urls_connect": CONNECT,
}
EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
SAMPLES = {"int": "1", "str": "jeton", "slug": "jeton", "uuid": str(uuid.UUID(int=7))}


@pytest.fixture
def three_hosts(tenant: Unit) -> None:
    """Provide a practice with a subdomain and a custom domain, beside the public host."""
    routing.cache.clear()
    Cabinet()
    with inside(PUBLIC):
        owner = Tenant.objects.get(schema_name=TENANT_ONE.schema)
        Domain.objects.create(
            domain=CUSTOM,
            tenant=owner,
            is_primary=False,
            is_custom=True,
            verified_at="2026-11-01 08:00Z",
        )


def paths(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    """Yield one address per route, with a sample value for each parameter."""
    for entry in patterns:
        text = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from paths(entry.url_patterns, text)
            continue
        text = re.sub(r"<(?:(\w+):)?\w+>", lambda m: SAMPLES[m[1] or "str"], text)
        yield re.sub(r"\(\?P.*?\)|[\^$]", "", text)


ROUTES = [
    (host, path)
    for urlconf, host in HOST_OF.items()
    for path in sorted(set(paths(get_resolver(urlconf).url_patterns)))
]


def missing(response: HttpResponse, *, hsts: str | None = None) -> list[str]:
    """Return the names of missing or wrong headers."""
    wrong = [name for name, value in EXPECTED.items() if response.get(name) != value]
    # Signed-in forms need the Origin header for the CSRF check; patients' pages send no-referrer.
    if response.get("Referrer-Policy") not in {"no-referrer", "same-origin"}:
        wrong.append("Referrer-Policy")
    policy = response.get("Content-Security-Policy", "")
    directives = ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'")
    wrong += [directive for directive in directives if directive not in policy]
    if "unsafe" in policy or "geolocation=()" not in response.get("Permissions-Policy", ""):
        wrong.append("policy")
    if response.get("Strict-Transport-Security") != hsts:
        wrong.append(f"Strict-Transport-Security: {response.get('Strict-Transport-Security')}")
    return wrong


@functools.cache
def shared_client() -> Client:
    """Return a client whose middlewares are loaded once: WhiteNoise reads every folder."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def answer(host: str, path: str, method: str = "get") -> HttpResponse:
    client = shared_client()
    client.cookies.clear()
    response: HttpResponse = getattr(client, method)(path, headers={"host": host})
    return response


def test_there_are_routes_to_crawl() -> None:
    assert len(ROUTES) > 60
    assert {host for host, _path in ROUTES} == set(HOST_OF.values())
    assert not [path for _host, path in ROUTES if "<" in path or "(" in path]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("host", HOST_OF.values())
def test_every_route_answers_with_every_header(three_hosts: None, host: str, method: str) -> None:
    answers = {path: answer(host, path, method) for of, path in ROUTES if of == host}

    assert {path: missing(answer) for path, answer in answers.items() if missing(answer)} == {}
    assert [path for path, answer in answers.items() if answer.status_code == 500] == []


def test_a_page_with_a_token_in_its_address_sends_no_referrer(three_hosts: None) -> None:
    answers = {p: answer(CUSTOM, p) for host, p in ROUTES if host == CUSTOM and "jeton" in p}
    assert answers

    wrong = [p for p, a in answers.items() if a.get("Referrer-Policy") != "no-referrer"]
    assert wrong == []


@pytest.mark.parametrize("host", [*HOST_OF.values(), "nobody.example", "192.0.2.1", "bad_host!"])
@pytest.mark.parametrize("method", ["get", "head", "post", "options", "put", "delete", "trace"])
def test_errors_and_probes_carry_every_header(three_hosts: None, host: str, method: str) -> None:
    paths = ("/", "/nowhere/", "/healthz", "/readyz", "/promises", "/ask")

    assert [path for path in paths if missing(answer(host, path, method))] == []


@pytest.mark.parametrize("host", HOST_OF.values())
def test_trace_echoes_nothing(three_hosts: None, host: str) -> None:
    for path in ("/", "/connexion/", "/robots.txt", "/nowhere/"):
        response = shared_client().trace(path, headers={"host": host, "x-canary": "Canari"})

        assert response.status_code in {302, 403, 404, 405}
        assert "Canari" not in response.content.decode() + str(response.headers)


def test_files_carry_every_header(three_hosts: None) -> None:
    response = answer(PUBLIC_HOST, "/static/ui.css")
    response.close()

    assert response.status_code == 200
    assert missing(response) == []


def test_a_crash_has_every_header_and_no_details(three_hosts: None, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.config.urls_failing"
    for name, status in (("crash", 500), ("refuse", 500), ("suspect", 400), ("forbid", 403)):
        response = answer(HOSTS[TENANT_ONE.schema], f"/{name}/jeton/")

        assert response.status_code == status
        assert missing(response) == []
        for word in ("SELECT", "Traceback", "Error", "psycopg2", "jeton", "Canari"):
            assert word not in response.content.decode()


def test_an_outdated_practice_responds_with_every_header(three_hosts: None) -> None:
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=TENANT_ONE.schema).update(schema_version="old")
    response = answer(HOSTS[TENANT_ONE.schema], "/")

    assert response.status_code == 503
    assert missing(response) == []


def test_hsts_lasts_two_years(three_hosts: None, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 63_072_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    client: Any = Client(raise_request_exception=False)
    ours, bare = "max-age=63072000; includeSubDomains; preload", "max-age=63072000"
    # The owner of a custom domain decides on its subdomains; the last host is unknown.
    expected = {
        HOSTS[TENANT_ONE.schema]: ours,
        PUBLIC_HOST: ours,
        CUSTOM: bare,
        "nobody.example": bare,
    }
    for host, hsts in expected.items():
        for path in ("/", "/nowhere/", "/static/nowhere.css"):
            response = client.get(path, headers={"host": host}, secure=True)
            assert missing(response, hsts=hsts) == [], (host, path)
        assert missing(client.get("/healthz", headers={"host": host}, secure=True), hsts=bare) == []


@pytest.mark.parametrize("page", ["400", "403", "403_csrf", "404", "500"])
def test_an_error_page_shows_nothing_of_the_error(page: str) -> None:
    text = Path(f"templates/{page}.html").read_text("utf-8")

    for word in ("exception", "request", "reason", "{{"):
        assert word not in text
