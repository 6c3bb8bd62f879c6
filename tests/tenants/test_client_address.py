"""The client's address behind our proxies, and its network."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from tenants.client_address import (
    COUNTED_IPV6_PREFIX,
    LOGGED_IPV6_PREFIX,
    client_ip,
    network_of,
)


def seen(settings: Settings, proxies: int, forwarded: str, *, peer: str = "192.0.2.1") -> str:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return client_ip(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "198.51.100.9, 203.0.113.77", "192.0.2.1"),
        (1, "198.51.100.9, 203.0.113.77", "203.0.113.77"),
        (2, "198.51.100.9, 203.0.113.77", "198.51.100.9"),
        (2, "203.0.113.77", "192.0.2.1"),
        (1, "", "192.0.2.1"),
    ],
)
def test_the_address_is_the_one_seen_by_the_outermost_proxy(
    settings: Settings, proxies: int, forwarded: str, address: str
) -> None:
    assert seen(settings, proxies, forwarded) == address


def test_an_empty_entry_does_not_shift_an_entry_of_the_client_to_the_proxy(
    settings: Settings,
) -> None:
    assert seen(settings, 2, "198.51.100.9, , 203.0.113.77") == "192.0.2.1"


def test_an_address_is_returned_behind_a_unix_socket(settings: Settings) -> None:
    assert seen(settings, 0, "", peer="") == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "counted", "logged"),
    [
        ("192.0.2.77", "192.0.2.0/24", "192.0.2.0/24"),
        ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa:bbbb::/64", "2001:db8:aaaa::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24", "192.0.2.0/24"),
        ("", None, None),
        ("Camille Canari", None, None),
    ],
)
def test_an_address_is_counted_and_logged_as_its_network(
    address: str, counted: str | None, logged: str | None
) -> None:
    assert network_of(address, ipv6_prefix=COUNTED_IPV6_PREFIX) == counted
    assert network_of(address, ipv6_prefix=LOGGED_IPV6_PREFIX) == logged
