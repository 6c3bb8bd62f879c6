"""Push notifications. Google calls only public HTTPS addresses, so these run on the fake server alone."""

import uuid
from datetime import timedelta
from typing import Any

from tests.contract.google.checks import Mark, check
from tests.contract.google.place import Place, refused
from tests.fakes.google.receiver import Receiver, receiving

_PUSH = "guides/push"


def _watch(place: Place, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    body = {
        "id": str(uuid.uuid4()),
        "type": "web_hook",
        "address": receiver.address,
        "token": "jeton",
        **fields,
    }
    answer: dict[str, Any] = (
        place.api.events().watch(calendarId=place.calendar, body=body).execute()
    )
    return answer


def _states(place: Place, receiver: Receiver) -> list[str]:
    place.fake.watch.flush()
    return [headers["x-goog-resource-state"] for headers in receiver.received]


@check(Mark.DOCUMENTED, f"{_PUSH}, sync message", fake_only=True)
def the_first_message_is_sync_and_has_number_one(place: Place) -> None:
    with receiving() as receiver:
        channel = _watch(place, receiver)
        states = _states(place, receiver)

    headers = receiver.received[0]
    assert states == ["sync"]
    assert headers["x-goog-message-number"] == "1"
    assert headers["x-goog-channel-id"] == channel["id"]
    assert headers["x-goog-channel-token"] == "jeton"
    assert headers["x-goog-resource-id"] == channel["resourceId"]
    assert headers["content-length"] == "0"


@check(Mark.SEEN, "activepieces/activepieces #13425: exists, never add", fake_only=True)
def a_change_is_notified_as_exists(place: Place) -> None:
    with receiving() as receiver:
        _watch(place, receiver)
        event = place.insert()
        place.patch(event["id"], {"summary": "Autre"})
        place.delete(event["id"])
        states = _states(place, receiver)

    numbers = [int(headers["x-goog-message-number"]) for headers in receiver.received]
    assert states == ["sync", "exists", "exists", "exists"]
    assert numbers == sorted(set(numbers))


@check(Mark.DOCUMENTED, f"{_PUSH}, stop notifications", fake_only=True)
def a_stopped_channel_is_silent(place: Place) -> None:
    with receiving() as receiver:
        channel = _watch(place, receiver)
        body = {"id": channel["id"], "resourceId": channel["resourceId"]}
        place.api.channels().stop(body=body).execute()
        place.insert()
        states = _states(place, receiver)

    assert states == ["sync"]


@check(Mark.SEEN, "googleapis/google-api-nodejs-client #627", fake_only=True)
def an_unknown_channel_cannot_be_stopped(place: Place) -> None:
    with refused(404, "notFound"):
        place.api.channels().stop(body={"id": "inconnu", "resourceId": "x"}).execute()


@check(Mark.DOCUMENTED, f"{_PUSH}, id must be unique", fake_only=True)
def a_channel_id_serves_once(place: Place) -> None:
    with receiving() as receiver:
        channel = _watch(place, receiver)
        with refused(400, "channelIdNotUnique"):
            _watch(place, receiver, id=channel["id"])


@check(Mark.DOCUMENTED, "reference/events/watch, params.ttl: 604800 s by default", fake_only=True)
def a_channel_lives_a_week_unless_asked_otherwise(place: Place) -> None:
    now = place.fake.now()
    place.fake.clock = lambda: now

    with receiving() as receiver:
        week = _watch(place, receiver)
        hour = _watch(place, receiver, params={"ttl": "3600"})

    lives = [int(channel["expiration"]) / 1000 - now.timestamp() for channel in (week, hour)]
    assert [round(life) for life in lives] == [604_800, 3600]


@check(Mark.DOCUMENTED, f"{_PUSH}: no way to renew a channel", fake_only=True)
def an_expired_channel_ends_without_a_word(place: Place) -> None:
    usual = place.fake.clock
    with receiving() as receiver:
        _watch(place, receiver, params={"ttl": "60"})
        place.fake.clock = lambda: usual() + timedelta(minutes=2)
        place.fake.add_event(
            "camille@exemple.fr", place.at(9), place.at(10), calendar=place.calendar
        )
        states = _states(place, receiver)

    assert states == ["sync"]


@check(Mark.DOCUMENTED, f"{_PUSH}, resource states", fake_only=True)
def a_deleted_calendar_is_notified_as_not_exists(place: Place) -> None:
    with receiving() as receiver:
        _watch(place, receiver)
        place.api.calendars().delete(calendarId=place.calendar).execute()
        states = _states(place, receiver)

    assert states == ["sync", "not_exists"]


@check(Mark.DOCUMENTED, f"{_PUSH}, an id has 64 characters at most", fake_only=True)
def a_channel_id_of_65_characters_is_refused(place: Place) -> None:
    with receiving() as receiver, refused(400):
        _watch(place, receiver, id="x" * 65)
