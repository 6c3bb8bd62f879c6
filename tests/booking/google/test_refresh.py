"""Refresh of access tokens: only Google's error code ``invalid_grant`` ends a link."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from pytest_django.fixtures import Settings

from booking.google import oauth
from booking.google.calendar_api import Unavailable
from booking.google.oauth import GrantRevoked
from tests.booking.google.practices import ADDRESS, LinkedPractice
from tests.factories import NOW
from tests.fakes.google import KNOWN, Fault, Google

TEMPORARY_FAULTS = (
    "403 rateLimitExceeded", "429", "500", "503", "cut", "drop_before", "html", "not_json",
)  # fmt: skip


@pytest.fixture
def refresh_token(google: Google) -> str:
    """A refresh token with the scope to write."""
    google.account(ADDRESS)
    return google.grant(ADDRESS, [oauth.WRITE])[1]


def test_a_fresh_token_is_accepted(google: Google, refresh_token: str) -> None:
    access = oauth.refresh(refresh_token=refresh_token, now=NOW)

    assert google.oauth.bearer(f"Bearer {access.access_token}").grant.account.email == ADDRESS
    assert access.refresh_token == ""


@pytest.mark.parametrize("fault", TEMPORARY_FAULTS)
def test_a_fault_does_not_end_a_link(
    google: Google, refresh_token: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # google-auth repeats the request: three attempts in all, here without the seconds between them.
    without_wait = SimpleNamespace(sleep=lambda _seconds: None)
    monkeypatch.setattr("google.auth._exponential_backoff.time", without_wait)
    google.faults["oauth.token"].extend([KNOWN[fault]] * 3)

    with pytest.raises(Unavailable):
        oauth.refresh(refresh_token=refresh_token, now=NOW)


def test_a_secret_of_ours_that_is_no_longer_good_ends_no_link(
    google: Google, refresh_token: str, settings: Settings
) -> None:
    settings.GOOGLE_CLIENT_SECRET = "of last year"

    with pytest.raises(Unavailable):
        oauth.refresh(refresh_token=refresh_token, now=NOW)


def test_a_revoked_grant_raises_grant_revoked(google: Google, refresh_token: str) -> None:
    google.revoke(ADDRESS)

    with pytest.raises(GrantRevoked):
        oauth.refresh(refresh_token=refresh_token, now=NOW)


def test_a_silent_token_endpoint_is_not_waited_for_longer_than_asked(
    google: Google, refresh_token: str, settings: Settings
) -> None:
    settings.GOOGLE_TIMEOUT_SECONDS = 0.05
    google.faults["oauth.token"].append(Fault("black_hole"))

    with pytest.raises(Unavailable, match="unreachable"):
        oauth.refresh(refresh_token=refresh_token, now=NOW)
    google.black_hole.close()


def test_a_proxy_in_the_way_of_a_refresh_leaves_the_account_connected(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    agenda.google.oauth.expire_access_tokens()
    agenda.google.faults["oauth.token"].append(KNOWN["html"])

    assert agenda.poll() is False

    assert agenda.account().state == "connected"
