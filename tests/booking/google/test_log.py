"""Each call to Google writes one log line (S-17): scenario, account and outcome, no content of the call."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from booking.google import disconnection
from booking.google.accounts import Secret, open_secret
from booking.models import GoogleAccount
from tenants.schema import inside
from tests.booking.google.practices import ADDRESS, LinkedPractice, UnlinkedPractice
from tests.fakes.google import KNOWN

Links = Callable[..., LinkedPractice]


def calls(log: str, *kinds: str) -> list[tuple[Any, ...]]:
    """Return scenario, account and outcome of the log lines of these scenarios."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [
        (line["kind"], line.get("entry"), line["reason"])
        for line in lines
        if line["event"] == "google_call" and line["kind"] in kinds
    ]


def secret_of(agenda: LinkedPractice) -> Secret:
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
        disconnection.disconnect(
            account=account,
            on_disconnect=GoogleAccount.OnDisconnect.KEEP,
            actor="user:1",
            now=agenda.clock(),
        )
    agenda.deliver()

    log = capsys.readouterr().err
    ref = account.ref.hex
    assert calls(log, "refresh", "revoke") == [("refresh", ref, "ok"), ("revoke", ref, "ok")]
    for word in (before.access_token, after.access_token, after.refresh_token, ADDRESS):
        assert word not in log


def test_a_refresh_that_fails_is_logged_with_its_code(
    linked: Links, capsys: pytest.CaptureFixture[str]
) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.poll()

    log = capsys.readouterr().err
    assert calls(log, "refresh") == [("refresh", agenda.account().ref.hex, "invalid_grant")]


def test_an_exchange_is_logged_with_its_attempt_and_without_its_code(
    practice: UnlinkedPractice,
    capsys: pytest.CaptureFixture[str],
) -> None:
    practice.google.faults["oauth.token"].append(KNOWN["503"])
    parameters = practice.consent(practice.begin())
    practice.receive_return(parameters)
    practice.deliver()
    practice.clock.advance(seconds=2)
    practice.deliver()

    log = capsys.readouterr().err
    ref = practice.attempt().ref.hex
    assert calls(log, "exchange") == [("exchange", ref, "google_fault"), ("exchange", ref, "ok")]
    for word in (parameters["code"], parameters["state"], ADDRESS):
        assert word not in log
