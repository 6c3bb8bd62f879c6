"""What is derived from the discovery document, and the small grammars beside it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.contract.google.place import Place, on_the_fake_server
from tests.fakes.google import partial, recurrence
from tests.fakes.google.api import METHODS
from tests.fakes.google.contract import BASE, contract
from tests.fakes.google.errors import Refused

PARIS = ZoneInfo("Europe/Paris")


def send(place: Place, path: str, *, verb: str = "GET", **request: object) -> requests.Response:
    access = place.token(grant_type="refresh_token", refresh_token=place.refresh).json()
    headers = {"authorization": f"Bearer {access['access_token']}"}
    return requests.request(
        verb,
        f"{place.base}{BASE}{path}",
        headers=headers,
        timeout=5,
        **request,  # type: ignore[arg-type]
    )


def test_every_method_of_the_fake_server_is_in_the_document() -> None:
    assert set(METHODS) <= set(contract().by_id)


def test_words_of_a_path_are_no_ids() -> None:
    method, _ = contract().find("POST", f"{BASE}calendars/primary/events/import")

    assert method.id == "calendar.events.import"


def test_an_id_in_a_path_is_decoded() -> None:
    _, in_path = contract().find("GET", f"{BASE}calendars/c%40group.calendar.google.com/events")

    assert in_path == {"calendarId": "c@group.calendar.google.com"}


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "nowhere", 404),
        ("PUT", "calendars", 404),
        ("GET", "colors", 501),
        ("GET", "calendars/primary/events?inconnu=1", 400),
        ("GET", "calendars/primary/events?maxResults=0", 400),
        ("GET", "calendars/primary/events?maxResults=many", 400),
        ("GET", "calendars/primary/events?showDeleted=yes", 400),
        ("GET", "calendars/primary/events?orderBy=name", 400),
        ("GET", "calendars/primary/events?timeMin=2027-01-04", 400),
        ("GET", "calendars/primary/events?timeMin=2027-02-30T00:00:00Z", 400),
        ("GET", "calendars/primary/events?fields=items(", 400),
    ],
)
def test_what_the_document_does_not_have_is_refused(verb: str, path: str, status: int) -> None:
    with on_the_fake_server() as place:
        assert send(place, path, verb=verb).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"summary": 1},
        {"start": "2027-01-04T09:00:00Z"},
        {"start": {"dateTime": "tomorrow"}},
        {"start": {"date": "2027-13-01"}},
        {"attendees": {"email": "x@exemple.fr"}},
        {"visibility": "secret"},
        {"sequence": 2**31},
        {"guestsCanModify": "no"},
        {"extendedProperties": {"private": {"v": 1}}},
        {"extendedProperties": {"secret": {}}},
    ],
)
def test_a_body_of_another_shape_is_refused(body: dict[str, object]) -> None:
    method = contract().by_id["calendar.events.patch"]

    with pytest.raises(Refused, match="400"):
        contract().check_body(method, body)


def test_a_body_that_is_no_json_is_a_parse_error() -> None:
    with on_the_fake_server() as place:
        headers = {"content-type": "application/json"}
        answer = requests.post(f"{place.base}{BASE}calendars", data="{", headers=headers, timeout=5)

    assert answer.json()["error"]["errors"][0]["reason"] == "parseError"


def test_without_a_token_nothing_is_answered() -> None:
    with on_the_fake_server() as place:
        answer = requests.get(f"{place.base}{BASE}calendars/primary/events", timeout=5)

    assert answer.status_code == 401


def test_a_long_address_may_stand_in_the_body() -> None:
    # What the client does beyond 2,048 characters.
    with on_the_fake_server() as place:
        assert place.page(q="x" * 3000)["items"] == []
        assert place.fake.asked("calendar.events.list")[-1].verb == "GET"


@pytest.mark.parametrize(
    ("selector", "left"),
    [
        ("a", {"a": 1}),
        ("a,c(d)", {"a": 1, "c": {"d": 2}}),
        ("c/d", {"c": {"d": 2}}),
        ("*", {"a": 1, "c": {"d": 2, "e": 3}, "f": [{"g": 4, "h": 5}]}),
        ("f(g)", {"f": [{"g": 4}]}),
        ("c/*,f/h", {"c": {"d": 2, "e": 3}, "f": [{"h": 5}]}),
    ],
)
def test_selectors(selector: str, left: dict[str, object]) -> None:
    value = {"a": 1, "c": {"d": 2, "e": 3}, "f": [{"g": 4, "h": 5}]}

    assert partial.select(value, partial.parse(selector)) == left


@pytest.mark.parametrize("selector", ["", "a(", "a)", ",a", "a b", "a(b", "a//b", "()"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(Refused, match="Invalid field selection"):
        partial.parse(selector)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;COUNT=3", [0, 1, 2]),
        ("FREQ=DAILY;INTERVAL=2;UNTIL=20270108", [0, 2, 4]),
        ("FREQ=DAILY;UNTIL=20270105T080000Z", [0, 1]),
        ("FREQ=DAILY;BYDAY=MO,WE;COUNT=3", [0, 2, 7]),
        ("FREQ=WEEKLY;COUNT=2", [0, 7]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,MO;COUNT=4", [0, 1, 14, 15]),
        ("FREQ=WEEKLY", [0, 7, 14]),
    ],
)
def test_rules(rule: str, days: list[int]) -> None:
    first = datetime(2027, 1, 4, 9)  # noqa: DTZ001  # local, as rules are

    found = recurrence.occurrences(
        first, [f"RRULE:{rule}"], until=first + timedelta(days=20), zone=PARIS
    )

    assert [(at - first).days for at in found] == days


def test_an_excluded_date_leaves_a_hole() -> None:
    first = datetime(2027, 1, 4, 9)  # noqa: DTZ001  # local, as rules are
    lines = ["RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Paris:20270105T090000"]

    found = recurrence.occurrences(first, lines, until=first + timedelta(days=20), zone=PARIS)

    assert [at.day for at in found] == [4, 6]


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("FREQ=MONTHLY", 501),
        ("FREQ=WEEKLY;BYSETPOS=1", 501),
        ("FREQ=DAILY;BYDAY=1MO", 501),
        ("COUNT=3", 400),
        ("FREQ=DAILY;INTERVAL=0", 400),
        ("FREQ=DAILY;UNTIL=soon", 400),
    ],
)
def test_rules_beyond_ours_are_refused(rule: str, status: int) -> None:
    first = datetime(2027, 1, 4, 9)  # noqa: DTZ001  # local, as rules are

    with pytest.raises(Refused, match=str(status)):
        recurrence.check(first, [f"RRULE:{rule}"], PARIS)
