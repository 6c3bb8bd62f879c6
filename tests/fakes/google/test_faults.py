"""The fake server's faults, met by the real client: what was applied, what the caller saw."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from googleapiclient.errors import HttpError

from config.devtools.processes import wait_until
from tests.contract.google.place import ACCOUNT, USUAL, Place, on_the_fake_server, refused
from tests.fakes.google import KNOWN, Fault, Google, RandomFaults
from tests.fakes.google.faults import PASSING

INSERT = "calendar.events.insert"


@pytest.fixture(name="place")
def google_place() -> Iterator[Place]:
    with on_the_fake_server() as found:
        yield found


def inserted(place: Place) -> int:
    return len(place.fake.events(ACCOUNT, place.calendar))


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("403 rateLimitExceeded", 403, "rateLimitExceeded"),
        ("403 userRateLimitExceeded", 403, "userRateLimitExceeded"),
        ("403 forbidden", 403, "forbidden"),
        ("403 insufficientPermissions", 403, "insufficientPermissions"),
        ("429", 429, "rateLimitExceeded"),
        ("500", 500, "backendError"),
        ("503", 503, "backendError"),
        ("html", 502, ""),
    ],
)
def test_an_answer_in_place_of_the_act(place: Place, name: str, status: int, reason: str) -> None:
    place.fake.faults[INSERT].append(KNOWN[name])

    with refused(status, reason):
        place.insert()

    assert inserted(place) == 0
    assert place.fake.injected.total() == 1


def test_a_lost_answer_is_asked_for_again_by_the_client_and_meets_its_own_event(
    place: Place,
) -> None:
    place.fake.faults[INSERT].append(KNOWN["drop_after"])

    with refused(409, "duplicate"):
        place.insert(id=place.new_id())

    assert inserted(place) == 1
    assert [entry.fault for entry in place.fake.asked(INSERT)] == ["drop_after", ""]


def test_a_lost_answer_without_a_chosen_id_makes_two_events(place: Place) -> None:
    place.fake.faults[INSERT].append(KNOWN["drop_after"])

    place.insert()

    assert inserted(place) == 2


def test_a_connection_cut_before_leaves_nothing(place: Place) -> None:
    place.fake.faults[INSERT].extend([KNOWN["drop_before"]] * 2)

    with pytest.raises(OSError, match="closed"):
        place.insert()

    assert inserted(place) == 0


@pytest.mark.parametrize("name", ["cut", "not_json"])
def test_a_spoilt_answer_comes_after_the_act(place: Place, name: str) -> None:
    place.fake.faults[INSERT].append(KNOWN[name])

    with contextlib.suppress(Exception):
        place.insert(id="v12345")

    assert inserted(place) == 1
    assert place.fake.injected == {name: 1}


def test_the_queue_is_used_up_in_order(place: Place) -> None:
    place.fake.faults[INSERT].extend([KNOWN["503"], KNOWN["429"]])

    with refused(503):
        place.insert()
    with refused(429):
        place.insert()

    assert place.insert()["status"] == "confirmed"


def test_a_slow_answer_is_still_an_answer(place: Place) -> None:
    place.fake.faults[INSERT].append(Fault("slow", seconds=0.01))

    assert place.insert()["status"] == "confirmed"
    assert place.fake.injected == {"slow": 1}


def test_what_is_held_is_applied_later(place: Place) -> None:
    place.fake.faults[INSERT].append(KNOWN["held"])
    caller = threading.Thread(target=place.insert)
    caller.start()
    assert wait_until(lambda: bool(place.fake.held_requests.waiting), seconds=5)
    assert inserted(place) == 0

    place.fake.held_requests.apply_all()
    caller.join()

    assert inserted(place) == 1


def test_a_random_slowness_lasts_as_long_as_asked(place: Place) -> None:
    place.fake.random_faults = RandomFaults(rate=1.0, kinds=["slow"], seconds=0.02)
    started = time.monotonic()

    place.insert()

    assert time.monotonic() - started >= 0.02
    assert place.fake.injected == {"slow": 1}


def test_latency_is_of_every_call(place: Place) -> None:
    place.fake.latency = 0.02
    started = time.monotonic()

    place.page()
    place.insert()

    assert time.monotonic() - started >= 0.04


def test_the_token_endpoint_fails_too(place: Place) -> None:
    place.fake.faults["oauth.token"].append(KNOWN["503"])

    answers = [
        place.token(grant_type="refresh_token", refresh_token=place.refresh).status_code
        for _ in range(2)
    ]

    assert answers == [503, 200]


def test_a_black_hole_holds_until_it_is_closed(place: Place) -> None:
    place.fake.black_hole.open(INSERT)
    seen: list[BaseException] = []

    def insert() -> None:
        try:
            place.insert()
        except (OSError, HttpError) as error:
            seen.append(error)

    thread = threading.Thread(target=insert)
    thread.start()
    while not place.fake.black_hole.waiting:
        thread.join(0.01)
    place.fake.black_hole.close()
    thread.join()

    # The client repeats the request after the cut, when the black hole is closed.
    assert seen == []
    assert [entry.status for entry in place.fake.asked(INSERT)] == [0, 200]
    assert place.fake.injected == {"black_hole": 1}


def test_a_black_hole_of_one_method_leaves_the_others_alone(place: Place) -> None:
    place.fake.black_hole.open(INSERT)

    assert place.page()["items"] == []


def test_the_same_seed_leads_to_the_same_faults() -> None:
    names = [
        [fault.name if (fault := faults.draw(INSERT)) else "" for _ in range(200)]
        for faults in (RandomFaults(0.3, seed=7), RandomFaults(0.3, seed=7))
    ]

    assert names[0] == names[1]
    assert 30 < sum(1 for name in names[0] if name) < 90
    assert len(set(names[0])) == len(PASSING) + 1


def test_random_faults_keep_to_their_methods() -> None:
    faults = RandomFaults(1.0, methods=["oauth.token"])

    assert faults.draw(INSERT) is None
    assert faults.draw("oauth.token") is not None


def test_a_quota_is_a_sliding_minute_of_one_account() -> None:
    now = datetime(2027, 1, 4, 9, tzinfo=UTC)
    with on_the_fake_server() as place:
        place.fake.clock = lambda: now
        place.fake.quota_per_user = 2
        place.page()
        place.page()
        with refused(403, "userRateLimitExceeded"):
            place.page()

        now += timedelta(seconds=61)

        assert place.page()["items"] == []


def test_the_journal_keeps_the_latest() -> None:
    google = Google(journal_limit=2)

    for number in range(3):
        google.open_entry(method=f"m{number}", account="", verb="GET", path="/")

    assert [(entry.method, entry.number) for entry in google.journal] == [("m1", 2), ("m2", 3)]


def test_the_journal_has_account_and_method_of_each_request(place: Place) -> None:
    place.insert(summary="Canari")

    entry = place.fake.asked(INSERT)[-1]

    assert (entry.account, entry.status, entry.body["summary"]) == (ACCOUNT, 200, "Canari")
    assert entry.query["sendUpdates"] == ["none"]


def test_grants_are_made_directly() -> None:
    google = Google()

    access, refresh = google.grant(ACCOUNT, USUAL)

    assert google.oauth.whose(f"Bearer {access}") == ACCOUNT
    assert refresh.startswith("1//")
