"""Connection of an account: one attempt, bound to user, session and practice, used once; then the first pushes."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from booking.google import authorization, oauth
from booking.google.accounts import open_secret
from booking.models import Authorization, GoogleAccount
from tenants.keyring.models import DataKey
from tenants.schema import Unit, inside
from tests.booking.google.practices import ADDRESS, MONDAY, UnlinkedPractice
from tests.factories import make_appointment
from tests.fakes.google import KNOWN


def test_the_consent_requests_the_narrow_scopes_with_pkce(practice: UnlinkedPractice) -> None:
    parameters = parse_qs(urlsplit(practice.begin()).query)

    assert parameters["scope"][0].split() == [
        "openid",
        "https://www.googleapis.com/auth/calendar.app.created",
        "https://www.googleapis.com/auth/calendar.freebusy",
    ]
    assert parameters["code_challenge_method"] == ["S256"]
    assert parameters["access_type"] == ["offline"]
    assert len(parameters["state"][0]) >= 43


def test_the_wider_permission_is_asked_by_choice_only(practice: UnlinkedPractice) -> None:
    assert oauth.INSTANT in practice.begin(is_instant=True).replace("%2F", "/").replace("%3A", ":")


def test_connected_everything_coming_is_written_and_the_code_is_gone(
    practice: UnlinkedPractice,
) -> None:
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    practice.receive_return(practice.consent(practice.begin()))
    practice.deliver()

    account = practice.account()
    assert account is not None
    with inside(practice.unit):
        secret = open_secret(account)
    events = practice.google.events(ADDRESS, secret.calendar)
    assert [event["summary"] for event in events] == ["RDV C. S."]
    assert account.can_read_busy
    attempt = practice.attempt()
    assert (attempt.state, bytes(attempt.sealed)) == ("done", b"")
    with inside(practice.unit):
        assert not DataKey.objects.filter(pk=attempt.data_key_id or 0).exists()


def test_each_account_has_a_key_of_its_own(practice: UnlinkedPractice) -> None:
    practice.receive_return(practice.consent(practice.begin()))
    practice.deliver()
    account = practice.account()
    assert account is not None
    with inside(practice.unit):
        assert DataKey.objects.filter(pk=account.data_key_id or 0).exists()


@pytest.mark.parametrize("stranger", ["user", "session", "state", "twice", "late"])
def test_an_attempt_is_refused_to_another_user_session_or_state(
    practice: UnlinkedPractice, stranger: str
) -> None:
    parameters = practice.consent(practice.begin())
    fields: dict[str, Any] = {}
    if stranger == "user":
        fields["user"] = practice.other
    elif stranger == "session":
        fields["session_key"] = "another"
    elif stranger == "state":
        parameters["state"] += "x"
    elif stranger == "twice":
        practice.receive_return(parameters)
    else:
        practice.clock.advance(minutes=11)
        fields["now"] = practice.clock()

    with pytest.raises(authorization.BadState):
        practice.receive_return(parameters, **fields)


def test_another_practice_does_not_know_the_state(
    practice: UnlinkedPractice, committed_tenant: Callable[[str], Unit]
) -> None:
    parameters = practice.consent(practice.begin())
    other = committed_tenant("linkother")
    with inside(other):
        assert not authorization.is_known(state=parameters["state"], now=practice.clock())
    with inside(practice.unit):
        assert authorization.is_known(state=parameters["state"], now=practice.clock())


def test_a_refused_consent_is_stored_as_a_failure(practice: UnlinkedPractice) -> None:
    attempt = practice.receive_return(practice.consent(practice.begin(), deny=True))

    assert (attempt.state, attempt.failure) == ("failed", "refused_by_person")
    assert practice.account() is None


def test_without_the_right_to_write_nothing_is_linked(practice: UnlinkedPractice) -> None:
    parameters = practice.consent(practice.begin(), untick=["calendar.app.created"])
    practice.receive_return(parameters)
    practice.deliver()

    assert practice.attempt().failure == "no_right_to_write"
    assert practice.account() is None


def test_without_the_right_to_read_it_writes_only(practice: UnlinkedPractice) -> None:
    practice.receive_return(practice.consent(practice.begin(), untick=["calendar.freebusy"]))
    practice.deliver()

    account = practice.account()
    assert account is not None
    assert not account.can_read_busy


def test_an_exchange_with_a_broken_connection_is_repeated_while_the_code_is_valid(
    practice: UnlinkedPractice,
) -> None:
    practice.google.faults["oauth.token"].append(KNOWN["drop_before"])
    practice.receive_return(practice.consent(practice.begin()))
    practice.deliver()
    assert practice.account() is None
    practice.clock.advance(seconds=5)
    practice.deliver()

    assert practice.account() is not None


def test_a_code_is_exchanged_with_its_own_verifier_only(practice: UnlinkedPractice) -> None:
    first, second = practice.consent(practice.begin()), practice.consent(practice.begin())
    crossed = practice.receive_return({**first, "code": second["code"]})
    practice.deliver()

    with inside(practice.unit):
        assert Authorization.objects.get(pk=crossed.pk).failure == "code_refused"
    assert practice.account() is None


def test_reconnecting_keeps_the_calendar_and_writes_what_waited(practice: UnlinkedPractice) -> None:
    practice.receive_return(practice.consent(practice.begin()))
    practice.deliver()
    before = practice.account()
    assert before is not None
    practice.google.revoke(ADDRESS)
    practice.clock.advance(hours=2)
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    practice.deliver()
    lost = practice.account()
    assert lost is not None
    assert lost.state == GoogleAccount.LinkState.RECONNECT

    practice.receive_return(practice.consent(practice.begin()))
    practice.deliver()

    account = practice.account()
    assert account is not None
    with inside(practice.unit):
        calendars = [open_secret(linked).calendar for linked in (before, account)]
    assert calendars[0] == calendars[1]
    assert len(practice.google.events(ADDRESS, calendars[0])) == 1


def test_old_attempts_are_deleted_with_their_keys(practice: UnlinkedPractice) -> None:
    practice.begin()
    practice.clock.advance(hours=2)
    with inside(practice.unit):
        keys = DataKey.objects.count()
        assert authorization.delete_old_attempts(now=practice.clock()) == 1
        assert DataKey.objects.count() == keys - 1
