"""Limits of wrong passwords: by account and network, and by network over all hosts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings

from tenants import metrics
from tenants.accounts import limits, network_tries
from tenants.accounts.limits import counted_address, lock_of
from tenants.accounts.models import Role
from tenants.accounts.network_tries import TooManyTriesError
from tenants.schema import Unit, inside
from tests.accounts import browser, make_member, sign_in

NOON = datetime(2026, 11, 10, 11, 0, tzinfo=UTC)
WRONG = "Autre-mot-de-passe-9"
OWNER_AT = "198.51.100.7"


@pytest.fixture(autouse=True)
def _empty_counters(services: object) -> None:
    cache.clear()


def _fail(host: str, email: str, *, ip: str, times: int = 1) -> int:
    client = browser(host, ip=ip)
    statuses: list[int] = [sign_in(client, email, WRONG).status_code for _try in range(times)]
    return statuses[-1]


def _other(number: int) -> str:
    """Return one of many addresses, each in a network of its own."""
    return f"203.{number // 250}.{number % 250}.9"


# --- One account ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "elsewhere", "minutes"),
    [
        (0, 0, None),
        (4, 29, None),
        (5, 0, 5),
        (6, 0, 10),
        (7, 0, 20),
        (8, 0, 40),
        (9, 0, 60),
        (500, 0, 60),
        # Under attack from elsewhere a network has two tries. One that has not failed always has one.
        (0, 30, None),
        (0, 10_000, None),
        (1, 10_000, None),
        (2, 30, 5),
        (3, 30, 10),
    ],
)
def test_the_lock_of_a_network(own: int, elsewhere: int, minutes: int | None) -> None:
    lock = lock_of(own=own, elsewhere=elsewhere)

    assert (lock and lock.total_seconds() / 60) == minutes


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
    ],
)
def test_failures_are_counted_by_address_or_subscriber(address: str, counted: str) -> None:
    assert counted_address(RequestFactory().get("/", REMOTE_ADDR=address)) == counted


def test_seven_addresses_with_five_failures_each_do_not_keep_the_owner_out(
    tenant: Unit, host: str
) -> None:
    user = make_member()
    for number in range(7):
        _fail(host, user.email, ip=_other(number), times=5)

    assert sign_in(browser(host, ip=OWNER_AT), user.email).status_code == 302


def test_the_owner_may_mistype_once_during_an_attack(tenant: Unit, host: str) -> None:
    user = make_member()
    for number in range(7):
        _fail(host, user.email, ip=_other(number), times=5)

    assert _fail(host, user.email, ip=OWNER_AT) == 200
    assert sign_in(browser(host, ip=OWNER_AT), user.email).status_code == 302


def test_during_an_attack_a_network_has_two_tries(tenant: Unit, host: str) -> None:
    user = make_member()
    for number in range(6):
        _fail(host, user.email, ip=_other(number), times=5)

    assert [_fail(host, user.email, ip=_other(99)) for _try in range(3)] == [200, 429, 429]


def test_one_address_that_fails_every_hour_keeps_nobody_out(tenant: Unit, host: str) -> None:
    user = make_member()
    for hour in range(40):
        with time_machine.travel(NOON + timedelta(hours=hour, minutes=hour), tick=False):
            _fail(host, user.email, ip="203.0.113.9")

    with time_machine.travel(NOON + timedelta(hours=39, minutes=50), tick=False):
        answers = [
            sign_in(browser(host, ip=OWNER_AT), user.email).status_code,
            _fail(host, user.email, ip=_other(1), times=3),
        ]

    assert answers == [302, 200]


def test_an_attack_that_is_over_changes_nothing(tenant: Unit, host: str) -> None:
    user = make_member()
    with time_machine.travel(NOON, tick=False):
        for number in range(7):
            _fail(host, user.email, ip=_other(number), times=5)

    with time_machine.travel(NOON + timedelta(minutes=61), tick=False):
        assert _fail(host, user.email, ip=OWNER_AT, times=4) == 200


def test_failures_of_a_network_are_counted_for_a_day(tenant: Unit, host: str) -> None:
    user = make_member()
    with time_machine.travel(NOON, tick=False):
        _fail(host, user.email, ip=OWNER_AT, times=4)
    with time_machine.travel(NOON + timedelta(hours=25), tick=False):
        _fail(host, user.email, ip=OWNER_AT)

    assert AccessAttempt.objects.get().failures_since_start == 1


def test_a_subscriber_of_ipv6_is_one_network(tenant: Unit, host: str) -> None:
    user = make_member()
    for number in range(5):
        _fail(host, user.email, ip=f"2001:db8:1:2::{number}")

    assert _fail(host, user.email, ip="2001:db8:1:2::ffff") == 429
    assert _fail(host, user.email, ip="2001:db8:1:3::1") == 200


def test_a_sign_in_deletes_the_failures_of_its_network_only(tenant: Unit, host: str) -> None:
    user = make_member()
    _fail(host, user.email, ip="203.0.113.9", times=3)
    _fail(host, user.email, ip=OWNER_AT, times=2)

    sign_in(browser(host, ip=OWNER_AT), user.email)

    assert AccessAttempt.objects.get().ip_address == "203.0.113.9"


def test_the_answer_of_a_lock_says_how_long_it_lasts(tenant: Unit, host: str) -> None:
    user = make_member()
    with time_machine.travel(NOON, tick=False):
        _fail(host, user.email, ip=OWNER_AT, times=5)
    with time_machine.travel(NOON + timedelta(minutes=2), tick=False):
        answer = sign_in(browser(host, ip=OWNER_AT), user.email)

    assert (answer.status_code, answer["Retry-After"]) == (429, "180")
    assert "Trop d’essais" in answer.content.decode()


def test_the_answer_of_a_lock_to_a_script_opens_nothing_to_other_sites(
    tenant: Unit, host: str
) -> None:
    user = make_member()
    client = browser(host)
    data = {"login": user.email, "password": WRONG}
    answers = [
        client.post("/connexion/", data, headers={"x-requested-with": "XMLHttpRequest"})
        for _try in range(6)
    ]

    assert answers[-1].status_code == 429
    assert not [name for name in answers[-1].headers if name.startswith("Access-Control")]


def test_the_current_password_is_limited_as_a_sign_in(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host, user)
    data = {"oldpassword": WRONG, "password1": "Rocher-lande-83x", "password2": "Rocher-lande-83x"}

    statuses = [client.post("/compte/mot-de-passe/", data).status_code for _try in range(6)]

    assert statuses == [200, 200, 200, 200, 429, 429]
    assert sign_in(browser(host), user.email).status_code == 429


def test_confirming_an_identity_is_limited_as_a_sign_in(tenant: Unit, host: str) -> None:
    client = browser(host, make_member())

    statuses = [
        client.post("/connexion/confirmer/", {"password": WRONG}).status_code for _try in range(6)
    ]

    assert statuses == [200, 200, 200, 200, 429, 429]


def test_the_password_of_a_new_address_is_limited_as_a_sign_in(tenant: Unit, host: str) -> None:
    client = browser(host, make_member())
    data = {"email": "autre@example.org", "password": WRONG}

    statuses = [client.post("/compte/adresse/", data).status_code for _try in range(6)]

    assert statuses == [422, 422, 422, 422, 429, 429]


# --- All hosts of the platform ------------------------------------------------------------------------


def test_tries_are_counted_over_all_hosts_and_accounts(
    committed_tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    verify = MD5PasswordHasher.verify

    def counting(self: MD5PasswordHasher, password: str, encoded: str) -> bool:
        hashed.append(encoded)
        return bool(verify(self, password, encoded))

    monkeypatch.setattr(MD5PasswordHasher, "verify", counting)
    names = ("first", "second", "third")
    for name in names:
        with inside(committed_tenant(name)):
            for number in range(3):
                make_member(Role.OWNER, f"owner{number}@example.org")
    before = metrics.REFUSED.labels("network")._value.get()

    with time_machine.travel(NOON, tick=False):
        statuses = [
            _fail(
                f"{names[n % 3]}.lib-rdv.localhost", f"owner{n % 9 // 3}@example.org", ip=OWNER_AT
            )
            for n in range(24)
        ]

    assert statuses == [200] * 20 + [429] * 4
    assert len(hashed) == 20
    assert metrics.REFUSED.labels("network")._value.get() == before + 4


def test_a_refused_network_keeps_what_was_typed_and_learns_how_long(
    tenant: Unit, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = network_tries.TryLimit(32, 64, 0, 3_600)
    monkeypatch.setattr(network_tries, "LIMITS", (limit,))
    with time_machine.travel(NOON + timedelta(minutes=50), tick=False):
        answer = sign_in(browser(host), "maite@example.org")

    assert (answer.status_code, answer["Retry-After"]) == (429, "600")
    assert "Recommencez dans 10 minutes" in answer.content.decode()
    assert "maite@example.org" in answer.content.decode()


def _tries(ip: str, count: int, *, at: datetime = NOON, is_right: bool = False) -> int:
    """Return how many of these tries were judged."""
    request, judged = RequestFactory().post("/connexion/", REMOTE_ADDR=ip), 0
    for _try in range(count):
        try:
            with network_tries.counted(request, now=at) as attempt:
                judged += 1
                if is_right:
                    attempt.succeeded()
        except TooManyTriesError:
            pass
    return judged


def test_sign_ins_that_succeed_do_not_count() -> None:
    assert _tries(OWNER_AT, 100, is_right=True) == 100
    assert _tries(OWNER_AT, 25) == 20


def test_one_address_does_not_use_up_the_tries_of_its_neighbours() -> None:
    hour = [NOON + timedelta(minutes=minute) for minute in range(60)]

    assert sum(_tries("198.51.100.66", 100, at=at) for at in hour) == 60
    assert _tries(OWNER_AT, 10, at=hour[-1]) == 10


def test_neighbours_together_have_a_limit_too() -> None:
    assert sum(_tries(f"198.51.100.{number}", 15) for number in range(10)) == 60
    assert _tries("198.51.99.1", 1) == 1


def test_networks_of_ipv6_are_counted_by_subscriber_and_by_site() -> None:
    assert sum(_tries(f"2001:db8:1:2::{number}", 5) for number in range(10)) == 20
    assert sum(_tries(f"2001:db8:1:{number}::1", 5) for number in range(3, 20)) == 40


def test_the_limit_ends_with_its_window() -> None:
    _tries(OWNER_AT, 30)

    assert _tries(OWNER_AT, 30, at=NOON + timedelta(minutes=1)) == 20


def test_typing_errors_of_several_people_of_one_network_lock_nobody_out(
    tenant: Unit, host: str
) -> None:
    users = [make_member(Role.SECRETARY, f"member{number}@example.org") for number in range(6)]
    with time_machine.travel(NOON, tick=False):
        for user in users:
            _fail(host, user.email, ip=OWNER_AT, times=3)

        answers = [sign_in(browser(host, ip=OWNER_AT), user.email).status_code for user in users]

    assert answers == [302] * 6


def test_keys_hold_no_address_and_no_account() -> None:
    _tries(OWNER_AT, 1)

    keys = cache._cache.get_client().keys("tries:*")  # type: ignore[attr-defined]
    assert len(keys) == 4
    assert not [key for key in keys if b"198" in key]


def test_without_the_counters_the_account_is_still_limited(
    tenant: Unit, host: str, settings: Settings
) -> None:
    user = make_member()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert _fail(host, user.email, ip=OWNER_AT, times=5) == 429
    assert sign_in(browser(host, ip=_other(1)), user.email).status_code == 302


def test_the_modules_agree_on_the_limits() -> None:
    assert limits.FAILURES_KEPT > limits.LONGEST_LOCK
    assert network_tries.LIMITS[0].most >= 4 * limits.NETWORK_LIMIT
