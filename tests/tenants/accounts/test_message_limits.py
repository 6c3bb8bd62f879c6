"""E-mails that the account pages cause are bounded: past the bound none leaves; a request tells nothing."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.accounts import kinds
from tenants.accounts.emails import GONE, PasswordResetEmail
from tenants.accounts.errors import MessageLimitError
from tenants.accounts.models import EmailChange, Invitation, Role, User
from tenants.accounts.services import addresses, invitations
from tenants.accounts.services.cleanup import delete_email_changes
from tenants.accounts.services.invitations import Invited, invite
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import Unit
from tests.accounts import PASSWORD, browser, make_member

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
KNOWN, UNKNOWN = "owner@example.org", "personne@example.org"


@pytest.fixture(autouse=True)
def _empty_counters(services: object) -> None:
    cache.clear()


def _written(kind: str) -> int:
    return OutboxEntry.objects.filter(kind=kind).count()


# --- A link to a new password ----------------------------------------------------------------------------


def _request(host: str, email: str, *, ip: str = "198.51.100.7", at: datetime = NOW) -> str:
    with time_machine.travel(at, tick=False):
        answer = browser(host, ip=ip).post("/mot-de-passe/oublie/", {"email": email})
    return f"{answer.status_code} {answer['Location']}"


def _links() -> int:
    return OutboxEntry.objects.filter(kind=kinds.PASSWORD_RESET, subject_id__gt=0).count()


def test_one_network_causes_three_links_a_day_for_one_address(tenant: Unit, host: str) -> None:
    make_member()
    minutes = [NOW + timedelta(minutes=n) for n in range(20)]

    answers = {_request(host, KNOWN, at=at) for at in minutes}

    assert answers == {"302 /mot-de-passe/oublie/envoye/"}
    assert _links() == 3


def test_an_account_receives_ten_links_a_day_at_most(tenant: Unit, host: str) -> None:
    make_member()
    for number in range(15):
        at = NOW + timedelta(minutes=number)
        _request(host, KNOWN, ip=f"203.0.{number}.9", at=at)
    sent = _links()

    _request(host, KNOWN, ip="203.0.77.9", at=NOW + timedelta(hours=24, minutes=1))

    assert (sent, _links()) == (10, 11)


def test_one_network_causes_ten_links_a_day_for_all_addresses(tenant: Unit, host: str) -> None:
    for number in range(15):
        make_member(Role.SECRETARY, f"member{number}@example.org")
    for number in range(15):
        _request(host, f"member{number}@example.org")

    assert _links() == 10


@pytest.mark.parametrize("requests_before", [0, 1, 12])
def test_a_request_runs_the_same_statements_for_a_known_and_an_unknown_address(
    tenant: Unit, host: str, requests_before: int
) -> None:
    make_member()
    browser(host).get("/connexion/")  # the routes of the host are known
    ran = []
    for email in (KNOWN, UNKNOWN):
        cache.clear()
        for number in range(requests_before):
            _request(host, email, ip=f"203.0.{number}.9", at=NOW + timedelta(minutes=number))
        with CaptureQueriesContext(connection) as captured:
            answer = _request(host, email, at=NOW + timedelta(minutes=30))
        ran.append([answer, *(_shape(query["sql"]) for query in captured.captured_queries)])

    assert ran[0] == ran[1]
    assert any("INSERT" in str(statement) for statement in ran[0]) == (requests_before < 12)


def _shape(statement: str) -> str:
    """Return a statement without its values; the driver writes a negative number after a space."""
    return re.sub(r"'[^']*'(::\w+)?|s\d+_x\d+|\b\d+\b| -\d+\b", "?", statement)


def test_the_entry_of_an_unknown_address_sends_nothing(tenant: Unit, host: str) -> None:
    _request(host, UNKNOWN)
    entry = OutboxEntry.objects.get(kind=kinds.PASSWORD_RESET)

    assert PasswordResetEmail().prepare(entry, NO_PAYLOAD, unit=tenant, now=NOW) == GONE
    assert -4097 < entry.subject_id < 0


# --- Another sign-in address -------------------------------------------------------------------------------


def _change(user: User, email: str, *, minutes: int = 0) -> EmailChange:
    return addresses.request_change(
        user=user, new_email=email, now=NOW + timedelta(minutes=minutes)
    )


def test_an_account_asks_for_five_addresses_a_day(tenant: Unit) -> None:
    user = make_member()
    for number in range(5):
        _change(user, f"victim{number}@example.net", minutes=number)
    delete_email_changes(now=NOW + timedelta(hours=2), limit=500)

    with pytest.raises(MessageLimitError):
        _change(user, "victim6@example.net", minutes=600)

    assert _change(user, "victim6@example.net", minutes=24 * 60 + 1).closed_at is None


def test_an_address_receives_three_requests_a_day(tenant: Unit) -> None:
    for number in range(3):
        user = make_member(Role.SECRETARY, f"member{number}@example.org")
        _change(user, "victim@example.net")

    with pytest.raises(MessageLimitError):
        _change(make_member(), "Victim@example.net")


def test_the_page_says_that_no_link_left(tenant: Unit, host: str) -> None:
    client = browser(host, make_member())
    answers = [
        client.post(
            "/compte/adresse/", {"email": f"victim{number}@example.net", "password": PASSWORD}
        )
        for number in range(12)
    ]

    assert [answer.status_code for answer in answers] == [302] * 5 + [422] * 7
    assert "Assez de liens sont partis aujourd’hui" in answers[-1].content.decode()
    assert "victim11@example.net" in answers[-1].content.decode()
    assert _written(kinds.EMAIL_CONFIRM) == 5


# --- Invitations ---------------------------------------------------------------------------------------------


def _invite(email: str, *, actor: str = "user:1", hours: int = 0) -> Invitation:
    invited = Invited(email, Role.SECRETARY)
    now = NOW + timedelta(hours=hours)
    return invite(invited=invited, invited_by=None, actor=actor, now=now)


def test_an_address_receives_four_invitations_a_day(tenant: Unit) -> None:
    for _number in range(3):
        _invite("victim@example.net")
    invitations.renew(invitation=_last(), actor="user:1", now=NOW)

    with pytest.raises(MessageLimitError):
        _invite("Victim@example.net")
    with pytest.raises(MessageLimitError):
        invitations.renew(invitation=_last(), actor="user:1", now=NOW)

    assert _invite("other@example.net").pk
    assert _invite("victim@example.net", hours=25).pk


def _last() -> Invitation:
    return Invitation.objects.filter(email="victim@example.net")[0]


def test_a_practice_sends_forty_invitations_a_day(tenant: Unit) -> None:
    for number in range(40):
        _invite(f"victim{number}@example.net")

    with pytest.raises(MessageLimitError):
        _invite("victim40@example.net")

    assert _invite("victim40@example.net", actor="system").pk
