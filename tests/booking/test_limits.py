"""Counting networks and addresses without keeping them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisIsAway

from booking import limits
from booking.limits import Limit
from tenants.schema import Unit

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
THREE = Limit("three", 3, 600)


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def network(address: str, **headers: str) -> str:
    request = RequestFactory().get("/", REMOTE_ADDR=address, headers=headers)
    return limits.network_of(request)


def test_the_fourth_knock_waits_for_the_end_of_the_window(tenant: Unit) -> None:
    answers = [limits.seconds_to_wait(THREE, "someone", now=NOW) for _ in range(4)]

    assert answers == [None, None, None, 600]


def test_the_next_window_is_open_again(tenant: Unit) -> None:
    for _ in range(4):
        limits.seconds_to_wait(THREE, "someone", now=NOW)

    assert limits.seconds_to_wait(THREE, "someone", now=NOW + timedelta(minutes=10)) is None


def test_one_does_not_use_up_the_limit_of_another(tenant: Unit) -> None:
    for _ in range(4):
        limits.seconds_to_wait(THREE, "someone", now=NOW)

    assert limits.seconds_to_wait(THREE, "another", now=NOW) is None


def test_looking_does_not_count(tenant: Unit) -> None:
    for _ in range(9):
        limits.is_over(THREE, "someone", now=NOW)

    assert limits.seconds_to_wait(THREE, "someone", now=NOW) is None


def test_a_network_is_a_24_or_a_64() -> None:
    assert network("203.0.113.77") == "203.0.113.0/24"
    assert network("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert network("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert network("") == "unknown"


def test_a_forwarded_address_counts_only_behind_our_own_proxy(settings: Settings) -> None:
    header = {"X-Forwarded-For": "198.51.100.9, 203.0.113.77"}
    settings.TRUSTED_PROXIES = 0
    without = network("192.0.2.1", **header)
    settings.TRUSTED_PROXIES = 1

    assert without == "192.0.2.0/24"
    # The visitor writes what they like in front; our proxy appends what it saw.
    assert network("192.0.2.1", **header) == "203.0.113.0/24"


def test_no_key_of_the_cache_says_who(tenant: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    monkeypatch.setattr(cache, "add", lambda key, *_a, **_k: keys.append(key))
    monkeypatch.setattr(cache, "incr", lambda _key: 1)

    limits.seconds_to_wait(THREE, "203.0.113.0/24", "camille@example.org", now=NOW)

    assert keys
    assert "203.0" not in keys[0]
    assert "camille" not in keys[0]


def test_without_the_cache_nobody_is_refused(tenant: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_named: object) -> None:
        raise RedisIsAway

    monkeypatch.setattr(cache, "add", away)
    monkeypatch.setattr(cache, "get", away)

    assert limits.seconds_to_wait(THREE, "someone", now=NOW) is None
    assert limits.is_over(THREE, "someone", now=NOW) is None


def test_thirty_suspect_forms_in_ten_minutes_are_an_attack(tenant: Unit) -> None:
    for _ in range(29):
        limits.note_suspect(now=NOW)
    before = limits.is_under_attack(now=NOW)
    limits.note_suspect(now=NOW)

    assert not before
    assert limits.is_under_attack(now=NOW)
    assert not limits.is_under_attack(now=NOW + timedelta(minutes=10))
