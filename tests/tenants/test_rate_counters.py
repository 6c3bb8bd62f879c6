"""Rate counters in Redis: one round trip, expiry, and the error of an unavailable Redis."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from pytest_django import Settings

from tenants import rate_counters


@pytest.fixture(autouse=True)
def empty_redis(services: object) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def test_keys_are_incremented_and_others_are_read() -> None:
    rate_counters.count({"a": 60, "b": 60})

    assert rate_counters.count({"a": 60}, read_keys=["b", "c"]) == {"a": 2, "b": 1, "c": 0}


def test_reading_does_not_increment() -> None:
    rate_counters.count({}, read_keys=["a"])

    assert rate_counters.count({"a": 60}) == {"a": 1}


def test_a_counter_expires_after_its_first_increment() -> None:
    client = rate_counters._client(django_settings.REDIS_URL)
    rate_counters.count({"a": 60})
    client.expire("a", 5)
    rate_counters.count({"a": 60})

    assert 0 < client.ttl("a") <= 5


def test_an_unavailable_redis_raises_the_documented_error(settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"

    with pytest.raises(rate_counters.Unavailable):
        rate_counters.count({"a": 60})


def test_concurrent_threads_share_one_client() -> None:
    rate_counters._clients.clear()
    start = threading.Barrier(16)

    def first(_number: int) -> int:
        start.wait()
        return rate_counters.count({"a": 60})["a"]

    with ThreadPoolExecutor(16) as pool:
        counted = list(pool.map(first, range(16)))

    assert sorted(counted) == list(range(1, 17))
    assert len(rate_counters._clients) == 1


def test_amounts_are_added_and_taken_back() -> None:
    assert rate_counters.add({"points": (3, 60), "form": (1, 60)}) == {"points": 3, "form": 1}
    assert rate_counters.add({"points": (-2, 60)}) == {"points": 1}
    assert rate_counters.add({}) == {}
