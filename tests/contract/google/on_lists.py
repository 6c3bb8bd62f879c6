"""Lists: bounds, pages, incremental synchronisation, series."""

from typing import Any

from tests.contract.google.checks import Mark, check
from tests.contract.google.place import Place, refused

_LIST = "reference/events/list"
_SYNC = "guides/sync"
_WEEKLY: dict[str, Any] = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}


def _week(place: Place, *, days: int = 7) -> dict[str, str]:
    return {"timeMin": place.at(0).isoformat(), "timeMax": place.at(0, day=days).isoformat()}


@check(Mark.DOCUMENTED, f"{_LIST}, timeMin and timeMax are exclusive")
def bounds_are_exclusive(place: Place) -> None:
    place.insert(9)
    inside = place.insert(10)
    place.insert(11)

    page = place.page(timeMin=place.at(10).isoformat(), timeMax=place.at(11).isoformat())

    assert [item["id"] for item in page["items"]] == [inside["id"]]


@check(Mark.DOCUMENTED, f"{_LIST}, timeMax must be greater than timeMin")
def an_empty_range_is_refused(place: Place) -> None:
    with refused(400):
        place.page(timeMin=place.at(11).isoformat(), timeMax=place.at(10).isoformat())


@check(Mark.DOCUMENTED, f"{_LIST}, maxResults; {_SYNC}")
def pages_hold_everything_once_and_only_the_last_a_sync_token(place: Place) -> None:
    made = {place.insert(hour)["id"] for hour in range(8, 13)}
    first = place.page(maxResults=2)

    items, token = place.all_pages(maxResults=2)

    ids = [item["id"] for item in items]
    assert "nextSyncToken" not in first
    assert len(first["items"]) <= 2
    assert token
    assert len(ids) == len(set(ids))
    assert made <= set(ids)


@check(Mark.DOCUMENTED, _SYNC)
def a_sync_token_brings_only_what_changed_and_what_was_deleted(place: Place) -> None:
    kept, moved, gone = (place.insert(hour)["id"] for hour in (8, 9, 10))
    _, token = place.all_pages()
    place.patch(moved, {"summary": "Déplacé"})
    place.delete(gone)

    items, following = place.all_pages(syncToken=token)

    assert {item["id"]: item["status"] for item in items} == {moved: "confirmed", gone: "cancelled"}
    assert kept not in {item["id"] for item in items}
    assert following


@check(Mark.DOCUMENTED, _SYNC)
def a_sync_without_changes_is_empty(place: Place) -> None:
    place.insert()
    _, token = place.all_pages()

    assert place.all_pages(syncToken=token)[0] == []


@check(Mark.DOCUMENTED, _SYNC)
def a_sync_comes_in_pages_too(place: Place) -> None:
    _, token = place.all_pages()
    made = {place.insert(hour)["id"] for hour in range(8, 13)}

    items, following = place.all_pages(syncToken=token, maxResults=2)

    assert {item["id"] for item in items} == made
    assert following


@check(Mark.DOCUMENTED, f"{_LIST}, syncToken: not with timeMin, timeMax, q, orderBy, ...")
def a_sync_token_does_not_go_with_a_bound(place: Place) -> None:
    _, token = place.all_pages()

    with refused(400):
        place.page(syncToken=token, timeMin=place.at(0).isoformat())


@check(Mark.DOCUMENTED, f"{_LIST}, syncToken: showDeleted cannot be false")
def a_sync_always_shows_the_deleted(place: Place) -> None:
    _, token = place.all_pages()

    with refused(400):
        place.page(syncToken=token, showDeleted=False)


@check(Mark.ASSUMED, "messages quoted in issues")
def an_invented_sync_token_is_refused(place: Place) -> None:
    with refused(400):
        place.page(syncToken="invented")


@check(Mark.DOCUMENTED, f"{_SYNC}; guides/errors, 410", fake_only=True)
def an_old_sync_token_asks_for_a_full_sync(place: Place) -> None:
    _, token = place.all_pages()
    place.fake.expire_sync_tokens()

    with refused(410, "fullSyncRequired"):
        place.page(syncToken=token)


@check(Mark.DOCUMENTED, f"{_LIST}, q")
def words_are_searched_for_in_titles(place: Place) -> None:
    word = place.new_id()
    event = place.insert(summary=f"Rendez-vous {word}")

    assert [item["id"] for item in place.page(q=word)["items"]] == [event["id"]]


@check(Mark.DOCUMENTED, f"{_LIST}, orderBy: startTime only with singleEvents")
def the_order_of_start_needs_single_events(place: Place) -> None:
    with refused(400):
        place.page(orderBy="startTime")


@check(Mark.DOCUMENTED, f"{_LIST}, singleEvents")
def a_series_is_one_item_or_its_occurrences(place: Place) -> None:
    series = place.insert(**_WEEKLY)

    folded = place.page(**_week(place, days=21))["items"]
    single = place.page(**_week(place, days=21), singleEvents=True, orderBy="startTime")["items"]

    assert [item["id"] for item in folded] == [series["id"]]
    assert [item["recurringEventId"] for item in single] == [series["id"]] * 3


def _instances(place: Place, series_id: str) -> list[dict[str, Any]]:
    page = (
        place.api.events()
        .instances(calendarId=place.calendar, eventId=series_id, **_week(place, days=21))
        .execute()
    )
    items: list[dict[str, Any]] = page["items"]
    return items


@check(Mark.DOCUMENTED, "guides/recurringevents")
def a_series_keeps_its_hour_when_the_clocks_change(place: Place) -> None:
    series = place.insert(**_WEEKLY)

    found = _instances(place, series["id"])

    assert [item["start"]["dateTime"] for item in found] == [
        place.at(9, day=day).isoformat() for day in (0, 7, 14)
    ]


@check(Mark.DOCUMENTED, "guides/recurringevents")
def an_occurrence_is_deleted_alone(place: Place) -> None:
    series = place.insert(**_WEEKLY)
    second = _instances(place, series["id"])[1]
    place.delete(second["id"])

    left = _instances(place, series["id"])

    assert second["id"] not in {item["id"] for item in left}
    assert len(left) == 2


@check(Mark.DOCUMENTED, "guides/recurringevents")
def an_occurrence_is_moved_alone(place: Place) -> None:
    series = place.insert(**_WEEKLY)
    second = _instances(place, series["id"])[1]
    later = place.body(16, day=7)

    moved = place.patch(second["id"], {"start": later["start"], "end": later["end"]})

    assert moved["recurringEventId"] == series["id"]
    assert moved["originalStartTime"]["dateTime"] == place.at(9, day=7).isoformat()
