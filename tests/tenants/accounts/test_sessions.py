"""Sessions of a user: listed by device and day, ended singly or all at once; no IP address is stored."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from tenants.accounts.devices import family_of
from tenants.accounts.models import Role, User
from tenants.schema import Unit
from tests.accounts import browser, make_member, sign_in

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
AGENTS = [
    (FIREFOX, "Firefox, Windows"),
    (IPHONE, "Safari, iPhone"),
    ("Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0.0.0 Safari/537.36", "Chrome, Linux"),
    ("Mozilla/5.0 (Windows NT 10.0) Chrome/141.0 Safari/537.36 Edg/141.0", "Edge, Windows"),
    ("Mozilla/5.0 (Linux; Android 15) SamsungBrowser/27 Chrome/125 Safari/537", "Samsung Internet, Android"),
    ("Mozilla/5.0 (iPhone) CriOS/141 Mobile Safari/604.1", "Chrome, iPhone"),
    ("Mozilla/5.0 (X11; CrOS x86_64) Chrome/141 Safari/537", "Chrome, Chromebook"),
    ("curl/8.5", ""),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("agent", "family"), AGENTS)
def test_a_device_is_named_by_its_family(agent: str, family: str) -> None:
    assert family_of(agent) == family


@pytest.fixture
def user(tenant: Unit) -> Iterator[User]:
    """Return a member, with NOW as the current instant."""
    with time_machine.travel(NOW, tick=False):
        yield make_member(Role.OWNER)


def open_on(host: str, user: User, agent: str = FIREFOX) -> Client:
    """Return a signed-in client after its first page."""
    client = browser(host, user)
    client.defaults["HTTP_USER_AGENT"] = agent
    client.get("/compte/securite/")
    return client


def refs_shown(page: str) -> list[str]:
    """Return the refs of the sessions with a button to close them."""
    return re.findall(r"/compte/sessions/([0-9a-f-]{36})/fermer/", page)


def is_in(client: Client) -> bool:
    """Return whether the session is still signed in."""
    return client.get("/compte/securite/").status_code == 200


def test_sessions_are_listed_with_device_and_day(user: User, host: str) -> None:
    office = open_on(host, user)
    open_on(host, user, IPHONE)
    colleague = make_member(Role.SECRETARY)
    open_on(host, colleague, "curl/8.5")

    shown = office.get("/compte/sessions/").text

    assert "Firefox, Windows" in shown
    assert "Safari, iPhone" in shown
    assert "Appareil inconnu" not in shown
    assert shown.count("Cette session</span>") == 1
    assert "ouverte le mardi 10\u00a0novembre, 10\u00a0h\u00a040" in shown
    assert len(refs_shown(shown)) == 1


def test_no_network_address_and_no_version_is_kept(user: User, host: str) -> None:
    open_on(host, user)

    kept = json.dumps([session.get_decoded() for session in Session.objects.all()])

    assert "198.51.100.7" not in kept
    assert "140.0" not in kept


def test_one_session_is_closed_and_the_others_stay(user: User, host: str) -> None:
    office, phone, tablet = (open_on(host, user, agent) for agent in (FIREFOX, IPHONE, "curl/8.5"))
    shown = office.get("/compte/sessions/").text
    before = len(refs_shown(shown))
    phone_ref = shown.split("Safari, iPhone")[1]

    office.post(f"/compte/sessions/{refs_shown(phone_ref)[0]}/fermer/")

    assert before == 2
    assert [is_in(client) for client in (office, phone, tablet)] == [True, False, True]


def test_the_session_of_another_user_is_not_closed(user: User, host: str) -> None:
    colleague = make_member(Role.SECRETARY)
    theirs = open_on(host, colleague)
    open_on(host, colleague, IPHONE)
    ref = refs_shown(theirs.get("/compte/sessions/").text)[0]
    mine = open_on(host, user)

    answer = mine.post(f"/compte/sessions/{ref}/fermer/", follow=True)
    unknown = mine.post(f"/compte/sessions/{uuid.uuid4()}/fermer/", follow=True)

    assert "était déjà fermée" in answer.text
    assert "était déjà fermée" in unknown.text
    assert len(refs_shown(theirs.get("/compte/sessions/").text)) == 1


def test_all_other_sessions_are_closed(user: User, host: str) -> None:
    office, phone = open_on(host, user), open_on(host, user, IPHONE)

    office.post("/compte/sessions/fermer/")

    assert [is_in(office), is_in(phone)] == [True, False]


def test_closing_everywhere_includes_the_current_session(user: User, host: str) -> None:
    office, phone = open_on(host, user), open_on(host, user, IPHONE)

    answer = office.post("/compte/sessions/fermer/", {"everywhere": "yes"}, follow=True)

    assert "déconnecté partout" in answer.text
    assert [is_in(office), is_in(phone)] == [False, False]


def test_an_idle_session_is_not_listed(user: User, host: str) -> None:
    open_on(host, user, IPHONE)

    with time_machine.travel(NOW + timedelta(minutes=31), tick=False):
        shown = open_on(host, user).get("/compte/sessions/").text

    assert "Safari, iPhone" not in shown


def _use(client: Client, *, until: datetime, every: timedelta = timedelta(minutes=20)) -> None:
    at = NOW
    while at <= until:
        with time_machine.travel(at, tick=False):
            assert client.get("/espace/").status_code == 200, at
        at += every


def test_a_session_ends_after_twelve_hours_of_use(tenant: Unit, host: str, user: User) -> None:
    client = browser(host)
    sign_in(client, user.email)
    _use(client, until=NOW + timedelta(hours=11, minutes=59))

    with time_machine.travel(NOW + timedelta(hours=12), tick=False):
        answer = client.get("/espace/")
        page = client.get(answer["Location"]).content.decode()

    assert answer.status_code == 302
    assert "elle durait depuis 12 heures" in page


def test_a_session_counts_from_its_sign_in(tenant: Unit, host: str, user: User) -> None:
    client = browser(host)
    sign_in(client, user.email)

    with time_machine.travel(NOW + timedelta(minutes=29), tick=False):
        client.get("/espace/", headers={"x-refresh": "1"})
    with time_machine.travel(NOW + timedelta(minutes=31), tick=False):
        answer = client.get("/espace/")

    assert answer.status_code == 302


def test_an_old_session_is_not_listed(tenant: Unit, host: str, user: User) -> None:
    old = open_on(host, user)
    _use(old, until=NOW + timedelta(hours=11, minutes=55))

    with time_machine.travel(NOW + timedelta(hours=12, minutes=1), tick=False):
        page = open_on(host, user).get("/compte/sessions/").content.decode()

    assert len(refs_shown(page)) <= 1
