"""Pages whose address holds a token: every one is private, and its form works from such a page only."""

from collections.abc import Iterator

import pytest
from allauth.account.utils import user_pk_to_url_str
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from tenants.accounts.models import Role, User
from tenants.accounts.services import addresses
from tenants.accounts.services.invitations import Invited, invite, token_of
from tenants.accounts.tokens import ResetTokenGenerator
from tenants.schema import Unit
from tests.accounts import PASSWORD, browser, make_member
from tests.conftest import PUBLIC_HOST
from tests.factories import Cabinet

PRIVATE = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


@pytest.fixture(autouse=True)
def _empty_counters(services: object) -> None:
    cache.clear()


def _paths(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    """Yield an address with a false token for each route that takes one."""
    for entry in patterns:
        text = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _paths(entry.url_patterns, text)
        elif "<str:token>" in text:
            yield text.replace("<str:token>", "faux-jeton")
        elif "?P<key>" in text:
            yield "/mot-de-passe/choisir/1-faux-jeton/"


TENANT_PATHS = sorted(set(_paths(get_resolver("config.urls_tenant").url_patterns)))
PUBLIC_PATHS = sorted(set(_paths(get_resolver("config.urls_public").url_patterns)))


def _wrong(client: Client, path: str) -> dict[str, str | None]:
    answer = client.get(path)
    return {name: answer.get(name) for name, value in PRIVATE.items() if answer.get(name) != value}


def test_there_are_routes_with_a_token() -> None:
    assert len(TENANT_PATHS) > 15
    assert len(PUBLIC_PATHS) == 9


@pytest.mark.parametrize("path", [p for p in TENANT_PATHS if not p.startswith("/agenda/")])
def test_a_page_with_a_token_is_private(tenant: Unit, host: str, path: str) -> None:
    Cabinet()

    assert _wrong(browser(host), path) == {}


@pytest.mark.parametrize("path", PUBLIC_PATHS)
def test_a_page_with_a_token_of_the_staff_is_private(public: Unit, path: str) -> None:
    assert _wrong(browser(PUBLIC_HOST), path) == {}


def _invitation() -> str:
    invited = Invited("nadia@example.org", Role.SECRETARY)
    owner = make_member(Role.OWNER)
    return token_of(invite(invited=invited, invited_by=owner, actor="system", now=timezone.now()))


# What a browser sends from a page with ``no-referrer``, and what another site's form sends.
OWN = {"origin": "null", "sec-fetch-site": "same-origin"}
FOREIGN = [
    {"origin": "null", "sec-fetch-site": "cross-site"},
    {"origin": "https://ailleurs.example"},
]


def _strict(host: str) -> Client:
    client = browser(host)
    client.handler.enforce_csrf_checks = True
    return client


@pytest.mark.parametrize("headers", [OWN, *FOREIGN])
def test_an_invitation_is_accepted_from_its_own_page_only(
    tenant: Unit, host: str, headers: dict[str, str]
) -> None:
    Cabinet()
    token = _invitation()
    typed = {"name": "Nadia Témoin", "password": PASSWORD}

    answer = _strict(host).post(f"/invitation/{token}/", typed, headers=headers)

    assert answer.status_code == (302 if headers == OWN else 403)
    assert User.objects.filter(email="nadia@example.org").exists() == (headers == OWN)


@pytest.mark.parametrize("headers", [OWN, *FOREIGN])
def test_an_address_is_confirmed_from_its_own_page_only(
    tenant: Unit, host: str, headers: dict[str, str]
) -> None:
    user = make_member()
    change = addresses.request_change(user=user, new_email="autre@example.org", now=timezone.now())
    path = f"/compte/adresse/confirmer/{addresses.confirm_token(change)}/"

    answer = _strict(host).post(path, headers=headers)

    user.refresh_from_db()
    assert answer.status_code == (302 if headers == OWN else 403)
    assert (user.email == "autre@example.org") == (headers == OWN)


def test_the_form_of_a_password_link_has_no_token_in_its_address(tenant: Unit, host: str) -> None:
    user = make_member()
    key = ResetTokenGenerator().make_token(user)
    path = f"/mot-de-passe/choisir/{user_pk_to_url_str(user)}-{key}/"
    client = browser(host)

    link = client.get(path)
    form = client.get(link["Location"])

    assert key not in link["Location"]
    assert {name: link.get(name) for name in PRIVATE} == PRIVATE
    assert (form.status_code, form["Cache-Control"]) == (200, "no-store")
    assert form["X-Robots-Tag"] == "noindex, nofollow"
    assert form["Referrer-Policy"] == "same-origin"
