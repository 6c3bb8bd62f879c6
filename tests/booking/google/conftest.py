"""Fixtures with the fake server of Google, a clock and a practice of their own."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from booking.google import authorization, oauth
from booking.google.oauth import Grant
from booking.models import GoogleAccount
from booking.rules.erasure import Level
from tenants.schema import Unit, inside
from tests.booking.google.practices import ADDRESS, Clock, LinkedPractice, UnlinkedPractice
from tests.factories import Cabinet
from tests.fakes.google import Google, serving


@pytest.fixture
def google(settings: Settings) -> Iterator[Google]:
    """The fake server of Google, with settings that point at it."""
    fake_google = Google(redirects=[settings.GOOGLE_REDIRECT_URI])
    with serving(fake_google) as served:
        settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "fake-client", "fake-secret"
        settings.GOOGLE_CONSENT_URL = f"{served.base}/o/oauth2/v2/auth"
        settings.GOOGLE_TIMEOUT_SECONDS = 1
        settings.GOOGLE_BACKOFF_SECONDS = 0.0
        settings.OUTBOUND = {
            **settings.OUTBOUND,
            "google_calendar": f"{served.base}/",
            "google_oauth": f"{served.base}/",
        }
        yield fake_google


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for the test and for the outbox handlers, which are created before any test."""
    made = Clock()
    from tenants.outbox import delivery

    for registration in delivery._registrations.values():
        if hasattr(registration.handler, "_clock"):
            monkeypatch.setattr(registration.handler, "_clock", made)
    return made


@pytest.fixture
def linked(
    google: Google, clock: Clock, committed_tenant: Callable[[str], Unit]
) -> Callable[..., LinkedPractice]:
    """Return a function that creates a practice whose practitioner has connected an account."""

    def make(name: str = "agenda", *, level: Level = Level.NAMED, **fields: Any) -> LinkedPractice:
        unit = committed_tenant(name)
        google.clock = clock
        google.account(ADDRESS)
        scopes = [oauth.WRITE, oauth.BUSY]
        access, refresh = google.grant(ADDRESS, scopes)
        with inside(unit):
            cabinet = Cabinet()
            account = authorization.save_account(
                practitioner=cabinet.practitioner,
                user_id=0,
                grant=Grant(
                    refresh_token=refresh,
                    access_token=access,
                    expires_at=clock() + timedelta(hours=1),
                    scopes=frozenset(scopes),
                    subject="1",
                    is_workspace=False,
                ),
                now=clock(),
            )
            GoogleAccount.objects.filter(pk=account.pk).update(level=level.value, **fields)
        made = LinkedPractice(unit, google, clock, cabinet, account.pk)
        authorization._run_first_sync(unit=unit, account_id=account.pk, clock=clock)
        made.deliver()
        return made

    return make


@pytest.fixture
def practice(
    google: Google, clock: Clock, committed_tenant: Callable[[str], Unit]
) -> UnlinkedPractice:
    """A practice whose practitioner is about to connect an account."""
    google.clock = clock
    google.account(ADDRESS)
    return UnlinkedPractice(committed_tenant("link"), google, clock)
