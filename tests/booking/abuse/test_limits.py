"""Rate limits per network and address, without storing them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings

from booking.abuse import limits
from booking.abuse.limits import Limit, NetworkCounts
from tenants import rate_counters
from tenants.schema import Unit

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
THREE = Limit("three", 3, 600)
HERE, ELSEWHERE = "198.51.100.0/24", "203.0.113.0/24"


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


def test_reading_a_standing_counts_nothing(tenant: Unit) -> None:
    for _ in range(9):
        limits.counts_of(HERE, now=NOW)

    assert limits.counts_of(HERE, now=NOW) == limits.NO_COUNTS


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

    limits.hit(
        (THREE, ("203.0.113.0/24", "camille@example.org")), network="203.0.113.0/24", now=NOW
    )
    assert len(keys) == 7
    assert all(tenant.schema in key for key in keys)
    assert not any("203.0" in key or "camille" in key for key in keys)


def test_without_the_counters_no_request_is_refused(tenant: Unit, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"

    assert limits.seconds_to_wait(THREE, "someone", now=NOW) is None
    assert limits.counts_of(HERE, now=NOW) == limits.NO_COUNTS
    limits.record_abuse_signal(HERE, now=NOW)
    limits.record_seen(HERE, "ref", now=NOW)
    limits.give_back_person(HERE, ["camille@example.org"], now=NOW)
    assert [allowance(form=f"{number}").take(now=NOW) for number in range(9)] == [None] * 9


def test_one_trip_counts_each_limit_and_reads_the_standing(tenant: Unit) -> None:
    two = Limit("two", 2, 60)
    for _ in range(2):
        limits.hit((THREE, ("someone",)), (two, ("someone",)), network=HERE, now=NOW)
    for _ in range(8):
        limits.record_abuse_signal(HERE, now=NOW)

    door = limits.hit((THREE, ("someone",)), (two, ("someone",)), network=HERE, now=NOW)

    assert door.seconds_to_wait == 60
    assert door.counts == NetworkCounts(own_signals=8, all_signals=5)
    assert door.counts.is_suspect


@pytest.mark.parametrize(
    ("counts", "is_suspect", "needs_work", "patience"),
    [
        (NetworkCounts(), False, False, 3),
        (NetworkCounts(own_signals=7), False, False, 3),
        (NetworkCounts(own_signals=8), True, True, 30),
        (NetworkCounts(all_signals=29), False, False, 3),
        (NetworkCounts(all_signals=30), False, True, 12),
        (NetworkCounts(booked=5, seen=5), False, False, 3),
        (NetworkCounts(booked=6, seen=6), False, True, 12),
        (NetworkCounts(booked=5, seen=1), False, False, 3),
        (NetworkCounts(booked=5, seen=0), True, True, 30),
        (NetworkCounts(chosen=60), False, False, 3),
        (NetworkCounts(chosen=61), True, True, 30),
        (NetworkCounts(booked=1, seen=1, chosen=64), False, False, 3),
        (NetworkCounts(booked=1, seen=1, chosen=65), True, True, 30),
    ],
)
def test_a_standing_asks_for_work_or_patience(
    counts: NetworkCounts, *, is_suspect: bool, needs_work: bool, patience: int
) -> None:
    assert (counts.is_suspect, counts.needs_work) == (is_suspect, needs_work)
    assert counts.patience == timedelta(seconds=patience)


def test_abuse_signals_of_ten_minutes_count_for_their_network_first(tenant: Unit) -> None:
    for _ in range(30):
        limits.record_abuse_signal(HERE, now=NOW)

    assert limits.counts_of(HERE, now=NOW).own_signals == 30
    assert limits.counts_of(ELSEWHERE, now=NOW) == NetworkCounts(all_signals=5)
    assert limits.counts_of(HERE, now=NOW + timedelta(minutes=10)) == limits.NO_COUNTS


def test_signals_of_six_networks_put_the_practice_under_attack(tenant: Unit) -> None:
    for number in range(6):
        for _ in range(5):
            limits.record_abuse_signal(f"192.0.{number}.0/24", now=NOW)

    assert limits.counts_of(HERE, now=NOW).needs_work
    assert not limits.counts_of(HERE, now=NOW).is_suspect


def test_a_confirmation_page_is_seen_once(tenant: Unit) -> None:
    for _ in range(3):
        limits.record_seen(HERE, "one", now=NOW)
    limits.record_seen(HERE, "two", now=NOW)

    assert limits.counts_of(HERE, now=NOW).seen == 2


def allowance(**fields: object) -> limits.Allowance:
    values: dict[str, object] = {
        "network": HERE,
        "form": "a",
        "points": 1,
        "addresses": ("camille@example.org",),
        "person_limit": 3,
    }
    return limits.Allowance(**values | fields)  # type: ignore[arg-type]  # fields of the test


def test_a_form_is_counted_once(tenant: Unit) -> None:
    assert [allowance().take(now=NOW) for _ in range(9)] == [None] * 9
    assert limits.counts_of(HERE, now=NOW).booked == 1


def test_a_refused_booking_counts_nothing_and_may_be_tried_again(tenant: Unit) -> None:
    for number in range(3):
        allowance(form=f"{number}").take(now=NOW)
    refused = [allowance(form="x").take(now=NOW) for _ in range(2)]
    limits.give_back_person(HERE, ["camille@example.org"], now=NOW)

    assert refused == [limits.Refusal(is_person=True, seconds=51_600)] * 2  # until midnight, UTC
    assert allowance(form="x").take(now=NOW) is None
    assert limits.counts_of(HERE, now=NOW).booked == 4


def test_the_points_of_a_network_end_with_the_hour_and_with_the_day(tenant: Unit) -> None:
    def take(number: int, now: datetime) -> limits.Refusal | None:
        return allowance(form=f"{number}", points=3, addresses=(f"{number}",)).take(now=now)

    first = [take(number, NOW) for number in range(9)]
    second = [take(number, NOW + timedelta(hours=1)) for number in range(10, 19)]
    third = take(20, NOW + timedelta(hours=2))

    assert first[:8] == [None] * 8
    assert first[8] == limits.Refusal(is_person=False, seconds=1200)
    assert second[:8] == [None] * 8
    assert third == limits.Refusal(is_person=False, seconds=44_400)


def test_a_cancellation_from_another_network_gives_nothing_there(tenant: Unit) -> None:
    limits.give_back_person(HERE, ["camille@example.org"], now=NOW)

    taken = [allowance(form=f"{number}").take(now=NOW) for number in range(4)]

    assert taken[:3] == [None] * 3
    assert taken[3] is not None
