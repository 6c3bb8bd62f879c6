"""Linking: one attempt, bound to its person, session and practice, used once; then the first pushes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from booking import google_oauth
from booking.models import Authorization, GoogleAccount
from booking.services.google import authorizing
from booking.services.google.accounts import open_secret
from tenants.accounts.models import User
from tenants.keyring.models import DataKey
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.booking.google.conftest import ADDRESS, Clock
from tests.factories import NOW, Cabinet, local, make_appointment
from tests.fakes.google import KNOWN, Google

MONDAY = local((NOW + timedelta(days=7)).date(), 10)


class Practice:
    """A practice whose practitioner is about to connect."""

    def __init__(self, unit: Unit, google: Google, clock: Clock) -> None:
        self.unit, self.google, self.clock = unit, google, clock
        with inside(unit):
            self.cabinet = Cabinet()
            self.user = User.objects.create(email="maite@exemple.fr")
            self.other = User.objects.create(email="autre@exemple.fr")

    def begin(self, **fields: Any) -> str:
        with inside(self.unit):
            return authorizing.begin(
                practitioner=self.cabinet.practitioner,
                user=self.user,
                session_key="session",
                is_instant=fields.get("is_instant", False),
                now=self.clock(),
            ).url

    def consent(self, url: str, **choices: Any) -> dict[str, str]:
        back = self.google.consent(url, ADDRESS, **choices)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def take(self, said: dict[str, str], **fields: Any) -> Authorization:
        values: dict[str, Any] = {
            "user": self.user,
            "session_key": "session",
            "now": self.clock(),
            **fields,
        }
        with inside(self.unit):
            return authorizing.take_back(
                state=said.get("state", ""), code=said.get("code", ""), **values
            )

    def work(self) -> None:
        for _round in range(10):
            with inside(self.unit):
                due = list(
                    OutboxEntry.objects.filter(
                        state="pending", due_at__lte=self.clock(), kind__startswith="calendar."
                    )
                )
            for entry in due:
                deliver_entry(unit=self.unit, ref=entry.ref, now=self.clock(), clock=self.clock)

    def attempt(self) -> Authorization:
        with inside(self.unit):
            return Authorization.objects.order_by("-id")[0]

    def account(self) -> GoogleAccount | None:
        with inside(self.unit):
            return GoogleAccount.objects.select_related("data_key").first()


@pytest.fixture
def practice(google: Google, clock: Clock, committed_tenant: Callable[[str], Unit]) -> Practice:
    google.clock = clock
    google.account(ADDRESS)
    return Practice(committed_tenant("link"), google, clock)


def test_consent_is_asked_narrowly_and_by_the_book(practice: Practice) -> None:
    said = parse_qs(urlsplit(practice.begin()).query)

    assert said["scope"][0].split() == [
        "openid",
        "https://www.googleapis.com/auth/calendar.app.created",
        "https://www.googleapis.com/auth/calendar.freebusy",
    ]
    assert said["code_challenge_method"] == ["S256"]
    assert said["access_type"] == ["offline"]
    assert len(said["state"][0]) >= 43


def test_the_wider_permission_is_asked_by_choice_only(practice: Practice) -> None:
    assert google_oauth.INSTANT in practice.begin(is_instant=True).replace("%2F", "/").replace(
        "%3A", ":"
    )


def test_connected_everything_coming_is_written_and_the_code_is_gone(practice: Practice) -> None:
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    practice.take(practice.consent(practice.begin()))
    practice.work()

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


def test_each_account_has_a_key_of_its_own(practice: Practice) -> None:
    practice.take(practice.consent(practice.begin()))
    practice.work()
    account = practice.account()
    assert account is not None
    with inside(practice.unit):
        assert DataKey.objects.filter(pk=account.data_key_id or 0).exists()


@pytest.mark.parametrize("stranger", ["user", "session", "state", "twice", "late"])
def test_nobody_else_takes_an_attempt_back(practice: Practice, stranger: str) -> None:
    said = practice.consent(practice.begin())
    fields: dict[str, Any] = {}
    if stranger == "user":
        fields["user"] = practice.other
    elif stranger == "session":
        fields["session_key"] = "another"
    elif stranger == "state":
        said["state"] += "x"
    elif stranger == "twice":
        practice.take(said)
    else:
        practice.clock.pass_(minutes=11)
        fields["now"] = practice.clock()

    with pytest.raises(authorizing.BadState):
        practice.take(said, **fields)


def test_another_practice_does_not_know_the_state(
    practice: Practice, committed_tenant: Callable[[str], Unit]
) -> None:
    said = practice.consent(practice.begin())
    other = committed_tenant("linkother")
    with inside(other):
        assert not authorizing.is_known(state=said["state"], now=practice.clock())
    with inside(practice.unit):
        assert authorizing.is_known(state=said["state"], now=practice.clock())


def test_who_refuses_at_google_is_told_so(practice: Practice) -> None:
    attempt = practice.take(practice.consent(practice.begin(), deny=True))

    assert (attempt.state, attempt.failure) == ("failed", "refused_by_person")
    assert practice.account() is None


def test_without_the_right_to_write_nothing_is_linked(practice: Practice) -> None:
    said = practice.consent(practice.begin(), untick=["calendar.app.created"])
    practice.take(said)
    practice.work()

    assert practice.attempt().failure == "no_right_to_write"
    assert practice.account() is None


def test_without_the_right_to_read_it_writes_only(practice: Practice) -> None:
    practice.take(practice.consent(practice.begin(), untick=["calendar.freebusy"]))
    practice.work()

    account = practice.account()
    assert account is not None
    assert not account.can_read_busy


def test_an_exchange_whose_line_broke_is_tried_again_while_the_code_lives(
    practice: Practice,
) -> None:
    practice.google.faults["oauth.token"].append(KNOWN["drop_before"])
    practice.take(practice.consent(practice.begin()))
    practice.work()
    assert practice.account() is None
    practice.clock.pass_(seconds=5)
    practice.work()

    assert practice.account() is not None


def test_a_code_is_exchanged_with_its_own_verifier_only(practice: Practice) -> None:
    first, second = practice.consent(practice.begin()), practice.consent(practice.begin())
    crossed = practice.take({**first, "code": second["code"]})
    practice.work()

    with inside(practice.unit):
        assert Authorization.objects.get(pk=crossed.pk).failure == "code_refused"
    assert practice.account() is None


def test_reconnecting_keeps_the_calendar_and_writes_what_waited(practice: Practice) -> None:
    practice.take(practice.consent(practice.begin()))
    practice.work()
    before = practice.account()
    assert before is not None
    practice.google.revoke(ADDRESS)
    practice.clock.pass_(hours=2)
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    practice.work()
    lost = practice.account()
    assert lost is not None
    assert lost.state == GoogleAccount.State.RECONNECT

    practice.take(practice.consent(practice.begin()))
    practice.work()

    account = practice.account()
    assert account is not None
    with inside(practice.unit):
        calendars = [open_secret(one).calendar for one in (before, account)]
    assert calendars[0] == calendars[1]
    assert len(practice.google.events(ADDRESS, calendars[0])) == 1


def test_attempts_are_forgotten_with_their_keys(practice: Practice) -> None:
    practice.begin()
    practice.clock.pass_(hours=2)
    with inside(practice.unit):
        keys = DataKey.objects.count()
        assert authorizing.forget_old(now=practice.clock()) == 1
        assert DataKey.objects.count() == keys - 1
