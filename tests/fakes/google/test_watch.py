"""Notifications that go astray, and addresses that are never called."""

import pytest

from tests.contract.google.place import ACCOUNT, Place, on_the_fake_server, refused
from tests.fakes.google.receiver import Receiver, receiving


def watch(place: Place, address: str) -> None:
    body = {"id": "canal", "type": "web_hook", "address": address}
    place.api.events().watch(calendarId=place.calendar, body=body).execute()


def changes(place: Place, count: int) -> None:
    for hour in range(8, 8 + count):
        place.fake.add_event(ACCOUNT, place.at(hour), place.at(hour + 1), calendar=place.calendar)
    place.fake.watch.flush()


def numbers(receiver: Receiver) -> list[int]:
    return [int(headers["x-goog-message-number"]) for headers in receiver.received]


def test_every_second_one_may_be_lost() -> None:
    with on_the_fake_server() as place, receiving() as receiver:
        place.fake.watch.lose_every = 2
        watch(place, receiver.address)
        changes(place, 4)

    assert numbers(receiver) == [1, 3, 5]


def test_every_third_one_may_come_twice() -> None:
    with on_the_fake_server() as place, receiving() as receiver:
        place.fake.watch.repeat_every = 3
        watch(place, receiver.address)
        changes(place, 3)

    assert numbers(receiver) == [1, 2, 3, 3, 4]


def test_neighbours_may_change_places() -> None:
    with on_the_fake_server() as place, receiving() as receiver:
        place.fake.watch.reorders = True
        watch(place, receiver.address)
        changes(place, 3)

    assert numbers(receiver) == [2, 1, 4, 3]


def test_all_channels_may_end_at_once() -> None:
    with on_the_fake_server() as place, receiving() as receiver:
        watch(place, receiver.address)
        place.fake.watch.expire()
        changes(place, 1)

    assert numbers(receiver) == [1]


def test_a_receiver_that_is_not_there_stops_nobody() -> None:
    with on_the_fake_server() as place:
        with receiving() as gone:
            address = gone.address
        watch(place, address)
        changes(place, 1)

        assert [sent.status for sent in place.fake.watch.sent] == [0, 0]


@pytest.mark.parametrize(
    "address",
    [
        "https://exemple.fr/avis",
        "http://exemple.fr/avis",
        "http://192.0.2.1/avis",
        "http://localhost.exemple.fr/avis",
        "ftp://localhost/avis",
        "avis",
        "",
    ],
)
def test_only_the_loopback_is_called(address: str) -> None:
    with on_the_fake_server() as place, refused(400):
        watch(place, address)
