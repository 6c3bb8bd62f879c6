"""Counters in Redis: counted in one trip, gone after their time, absent without a word."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from pytest_django import Settings

from tenants import counters


@pytest.fixture(autouse=True)
def empty_redis() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def test_each_key_is_counted_and_others_are_read() -> None:
    counters.count({"a": 60, "b": 60})

    assert counters.count({"a": 60}, look_at=["b", "c"]) == {"a": 2, "b": 1, "c": 0}


def test_looking_alone_counts_nothing() -> None:
    counters.count({}, look_at=["a"])

    assert counters.count({"a": 60}) == {"a": 1}


def test_a_counter_lives_from_its_first_count() -> None:
    client = counters._client(django_settings.REDIS_URL)
    counters.count({"a": 60})
    client.expire("a", 5)
    counters.count({"a": 60})

    assert 0 < client.ttl("a") <= 5


def test_redis_away_is_one_known_error(settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"

    with pytest.raises(counters.Unavailable):
        counters.count({"a": 60})


def test_many_threads_that_begin_at_once_share_one_client() -> None:
    counters._clients.clear()
    start = threading.Barrier(16)

    def first(_number: int) -> int:
        start.wait()
        return counters.count({"a": 60})["a"]

    with ThreadPoolExecutor(16) as pool:
        counted = list(pool.map(first, range(16)))

    assert sorted(counted) == list(range(1, 17))
    assert len(counters._clients) == 1
