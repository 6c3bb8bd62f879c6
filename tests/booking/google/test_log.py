"""Each call to Google leaves a line (S-17): scenario, account, outcome, and nothing that was sent or answered."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from booking.models import GoogleAccount
from booking.services.google import leaving
from booking.services.google.accounts import Secret, open_secret
from tenants.schema import inside
from tests.booking.google.conftest import ADDRESS, Linked
from tests.booking.google.test_authorizing import Practice, practice
from tests.fakes.google import KNOWN

__all__ = ["practice"]

Links = Callable[..., Linked]


def calls(said: str, *kinds: str) -> list[tuple[Any, ...]]:
    """Return scenario, account and outcome of the lines of these scenarios."""
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [
        (line["kind"], line.get("entry"), line["reason"])
        for line in lines
        if line["event"] == "google_call" and line["kind"] in kinds
    ]


def secret_of(agenda: Linked) -> Secret:
    with inside(agenda.unit):
        return open_secret(GoogleAccount.objects.select_related("data_key").get())


def test_a_refresh_and_a_revocation_are_logged_with_their_account(
    linked: Links, capsys: pytest.CaptureFixture[str]
) -> None:
    agenda = linked()
    account, before = agenda.account(), secret_of(agenda)
    agenda.google.oauth.expire_access_tokens()
    agenda.poll()
    after = secret_of(agenda)
    with inside(agenda.unit):
        leaving.leave(
            account=account,
            on_leaving=GoogleAccount.Leaving.KEEP,
            actor="user:1",
            now=agenda.clock(),
        )
    agenda.deliver()

    said = capsys.readouterr().err
    who = account.ref.hex
    assert calls(said, "refresh", "revoke") == [("refresh", who, "ok"), ("revoke", who, "ok")]
    for word in (before.access_token, after.access_token, after.refresh_token, ADDRESS):
        assert word not in said


def test_a_refresh_that_fails_is_logged_with_its_code(
    linked: Links, capsys: pytest.CaptureFixture[str]
) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.poll()

    said = capsys.readouterr().err
    assert calls(said, "refresh") == [("refresh", agenda.account().ref.hex, "invalid_grant")]


def test_an_exchange_is_logged_with_its_attempt_and_without_its_code(
    practice: Practice,
    capsys: pytest.CaptureFixture[str],
) -> None:
    practice.google.faults["oauth.token"].append(KNOWN["503"])
    said_back = practice.consent(practice.begin())
    practice.take(said_back)
    practice.work()
    practice.clock.pass_(seconds=2)
    practice.work()

    said = capsys.readouterr().err
    who = practice.attempt().ref.hex
    assert calls(said, "exchange") == [("exchange", who, "google_fault"), ("exchange", who, "ok")]
    for word in (said_back["code"], said_back["state"], ADDRESS):
        assert word not in said
