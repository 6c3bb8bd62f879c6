"""Rate limits per network and address, without storing them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings

from booking.abuse import limits
from booking.abuse.limits import Limit
from tenants import rate_counters
from tenants.schema import Unit

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
THREE = Limit("three", 3, 600)


@pytest.fixture(autouse=True)
def empty_cache(services: object) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def network(address: str, **headers: str) -> str:
    request = RequestFactory().get("/", REMOTE_ADDR=address, headers=headers)
    return limits.network_of(request)


def test_the_fourth_request_waits_for_the_end_of_the_window(tenant: Unit) -> None:
    answers = [limits.seconds_to_wait(THREE, "someone", now=NOW) for _ in range(4)]

    assert answers == [None, None, None, 600]


def test_the_next_window_counts_from_zero(tenant: Unit) -> None:
    for _ in range(4):
        limits.seconds_to_wait(THREE, "someone", now=NOW)

    assert limits.seconds_to_wait(THREE, "someone", now=NOW + timedelta(minutes=10)) is None


def test_visitors_have_separate_counters(tenant: Unit) -> None:
    for _ in range(4):
        limits.seconds_to_wait(THREE, "someone", now=NOW)

    assert limits.seconds_to_wait(THREE, "another", now=NOW) is None


def test_is_over_counts_nothing(tenant: Unit) -> None:
    for _ in range(9):
        limits.is_over(THREE, "someone", now=NOW)

    assert limits.seconds_to_wait(THREE, "someone", now=NOW) is None


def test_a_network_is_a_24_or_a_64() -> None:
    assert network("203.0.113.77") == "203.0.113.0/24"
    assert network("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert network("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert network("not an address") == "unknown"


def test_a_forwarded_address_counts_only_behind_our_own_proxy(settings: Settings) -> None:
    header = {"X-Forwarded-For": "198.51.100.9, 203.0.113.77"}
    settings.TRUSTED_PROXIES = 0
    without = network("192.0.2.1", **header)
    settings.TRUSTED_PROXIES = 1

    assert without == "192.0.2.0/24"
    # The visitor controls the first part of the header; the proxy appends the address that it has seen.
    assert network("192.0.2.1", **header) == "203.0.113.0/24"


def test_the_keys_of_counters_hold_no_network_and_no_address(
    tenant: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []

    def spy(seconds_by_key: dict[str, int], *, read_keys: Iterable[str] = ()) -> dict[str, int]:
        keys.extend([*seconds_by_key, *read_keys])
        return dict.fromkeys(keys, 1)

    monkeypatch.setattr(rate_counters, "count", spy)

    limits.seconds_to_wait(THREE, "203.0.113.0/24", "camille@example.org", now=NOW)

    assert len(keys) == 2
    assert all(tenant.schema in key for key in keys)
    assert not any("203.0" in key or "camille" in key for key in keys)


def test_without_the_counters_no_request_is_refused(tenant: Unit, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"

    assert limits.seconds_to_wait(THREE, "someone", now=NOW) is None
    assert limits.is_over(THREE, "someone", now=NOW) is None
    assert not limits.is_under_attack(now=NOW)


def test_one_trip_counts_each_limit_and_reads_the_abuse_signals(tenant: Unit) -> None:
    two = Limit("two", 2, 60)
    for _ in range(2):
        limits.hit((THREE, ("someone",)), (two, ("someone",)), now=NOW)
    for _ in range(30):
        limits.record_abuse_signal(now=NOW)

    door = limits.hit((THREE, ("someone",)), (two, ("someone",)), now=NOW)

    assert door == limits.RateLimitResult(seconds_to_wait=60, is_under_attack=True)


def test_thirty_abuse_signals_in_ten_minutes_are_an_attack(tenant: Unit) -> None:
    for _ in range(29):
        limits.record_abuse_signal(now=NOW)
    before = limits.is_under_attack(now=NOW)
    limits.record_abuse_signal(now=NOW)

    assert not before
    assert limits.is_under_attack(now=NOW)
    assert not limits.is_under_attack(now=NOW + timedelta(minutes=10))
