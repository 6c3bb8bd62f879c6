"""Password hashing is bounded: without a place the answer is 503, at once, and keeps what was typed."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.core.cache import cache
from pytest_django import Settings

from tenants import low_priority
from tenants.accounts import hashers
from tenants.concurrency_limit import ConcurrencyLimit
from tenants.schema import Unit
from tests.accounts import PASSWORD, browser, make_member, sign_in


@pytest.fixture(autouse=True)
def _argon(services: object, settings: Settings, tmp_path: Path) -> None:
    cache.clear()
    settings.CONCURRENCY_DIR = str(tmp_path)
    settings.PASSWORD_HASHERS = ["tenants.accounts.hashers.LimitedArgon2Hasher"]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    limit = ConcurrencyLimit("hashing", holders=1, waiters=0, wait_seconds=0)
    monkeypatch.setattr(hashers, "HASHING", limit)
    with ExitStack() as holding:
        yield holding


def test_the_limit_lets_two_hashes_run_at_once_on_a_machine() -> None:
    places = hashers.HASHING._holding._names

    assert len(places) == 2


def test_a_hash_takes_one_thread_of_a_low_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page gets the core that a hash uses."""
    seen = []
    computed = Argon2PasswordHasher.encode

    def encode(self: Argon2PasswordHasher, password: str, salt: str) -> str:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return str(computed(self, password, salt))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)
    made = make_password("Galet-dune-marée-48")

    assert seen == [min(19, before + low_priority.NICENESS)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
    assert ",p=1$" in made
    assert check_password("Galet-dune-marée-48", made)


def test_a_sign_in_without_a_place_is_refused_and_keeps_the_address(
    tenant: Unit, host: str, full: ExitStack
) -> None:
    user = make_member()
    full.enter_context(hashers.HASHING.enter())

    answer = sign_in(browser(host), user.email)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert user.email in answer.content.decode()
    assert "Recommencez dans quelques secondes" in answer.content.decode()
    assert not AccessAttempt.objects.exists()


def test_a_sign_in_to_an_unknown_account_needs_a_place_too(
    tenant: Unit, host: str, full: ExitStack
) -> None:
    full.enter_context(hashers.HASHING.enter())

    assert sign_in(browser(host), "personne@example.org").status_code == 503


def test_another_form_without_a_place_is_answered_503(
    tenant: Unit, host: str, full: ExitStack
) -> None:
    user = make_member()
    client = browser(host, user)
    full.enter_context(hashers.HASHING.enter())

    answer = client.post(
        "/compte/mot-de-passe/",
        {"oldpassword": PASSWORD, "password1": "Rocher-lande-83x", "password2": "Rocher-lande-83x"},
    )

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Rien n’a été enregistré" in answer.content.decode()


def test_with_a_place_the_same_sign_in_works(tenant: Unit, host: str, full: ExitStack) -> None:
    user = make_member()

    assert sign_in(browser(host), user.email).status_code == 302
