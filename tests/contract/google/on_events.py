"""Writing events: ids, times, bodies, changes, etags."""

from datetime import timedelta

from tests.contract.google.checks import Mark, check
from tests.contract.google.place import Place, refused

_REFERENCE = "reference/events"
_ERRORS = "guides/errors"
_PERFORMANCE = "guides/performance"


@check(Mark.DOCUMENTED, f"{_REFERENCE}, id")
def a_chosen_id_is_kept(place: Place) -> None:
    event_id = place.new_id()

    assert place.insert(id=event_id)["id"] == event_id


@check(Mark.DOCUMENTED, f"{_REFERENCE}, id")
def an_id_is_given_where_none_was_chosen(place: Place) -> None:
    assert len(place.insert()["id"]) >= 5


@check(Mark.DOCUMENTED, f"{_REFERENCE}, id: base32hex, a-v and 0-9")
def an_id_with_dashes_is_refused(place: Place) -> None:
    with refused(400, "invalid"):
        place.insert(id="0b6b3c1e-5a1f-4f0e-9b0a-2f6f3f0d9c11")


@check(Mark.DOCUMENTED, f"{_REFERENCE}, id: 5 to 1024 characters")
def an_id_of_four_characters_is_refused(place: Place) -> None:
    with refused(400, "invalid"):
        place.insert(id="abcd")


@check(Mark.DOCUMENTED, f"{_ERRORS}, 409")
def the_same_id_twice_is_a_duplicate(place: Place) -> None:
    event = place.insert()

    with refused(409, "duplicate"):
        place.insert(id=event["id"])


@check(Mark.ASSUMED, "the fake server is strict; Google may ignore it")
def an_unknown_field_is_refused(place: Place) -> None:
    with refused(400):
        place.insert(patient="x")


@check(Mark.SEEN, "googleapis/google-api-nodejs-client #565")
def an_event_without_end_is_refused(place: Place) -> None:
    body = place.body()
    del body["end"]

    with refused(400, "required"):
        place.insert_raw(body)


@check(Mark.DOCUMENTED, f"{_ERRORS}, 400")
def an_event_that_ends_before_it_starts_is_refused(place: Place) -> None:
    body = place.body()
    body["end"] = place.body(8, hours=0)["end"]

    with refused(400, "timeRangeEmpty"):
        place.insert_raw(body)


@check(Mark.SEEN, "derekantrican/GAS-ICS-Sync #289")
def a_date_and_a_time_do_not_mix(place: Place) -> None:
    body = place.body()
    body["end"] = {"date": place.at(0, day=1).date().isoformat()}

    with refused(400):
        place.insert_raw(body)


@check(Mark.DOCUMENTED, f"{_REFERENCE}, start.dateTime")
def a_local_time_with_a_zone_comes_back_with_its_offset(place: Place) -> None:
    start = place.at(9).replace(tzinfo=None)
    body = place.body()
    body["start"]["dateTime"] = start.isoformat()

    assert place.insert_raw(body)["start"]["dateTime"] == place.at(9).isoformat()


@check(Mark.DOCUMENTED, f"{_REFERENCE}, start.dateTime: an offset or a time zone")
def a_local_time_without_zone_is_refused(place: Place) -> None:
    body = place.body()
    body["start"] = {"dateTime": place.at(9).replace(tzinfo=None).isoformat()}

    with refused(400):
        place.insert_raw(body)


@check(Mark.DOCUMENTED, _PERFORMANCE)
def a_partial_answer_holds_only_what_was_asked_for(place: Place) -> None:
    answer = place.insert_raw(place.body(), fields="id,etag,status")

    assert set(answer) == {"id", "etag", "status"}


@check(Mark.DOCUMENTED, _PERFORMANCE)
def a_partial_answer_reaches_into_lists(place: Place) -> None:
    event = place.insert()

    page = place.page(fields="items(id,start/dateTime)", iCalUID=event["iCalUID"])

    assert page == {"items": [{"id": event["id"], "start": {"dateTime": place.at(9).isoformat()}}]}


@check(Mark.SEEN, "googleapis/google-api-dotnet-client #1444")
def a_selector_of_what_does_not_exist_is_refused(place: Place) -> None:
    with refused(400):
        place.page(fields="pagetoken,items(id)")


@check(Mark.ASSUMED, "examples in the reference")
def what_equals_its_default_is_left_out(place: Place) -> None:
    event = place.insert(transparency="opaque", visibility="default")

    assert {"transparency", "visibility"}.isdisjoint(event)


@check(Mark.DOCUMENTED, "guides/extended-properties")
def private_properties_can_be_searched_for(place: Place) -> None:
    value = place.new_id()
    event = place.insert(extendedProperties={"private": {"librdv": value}})
    place.insert(10)

    page = place.page(privateExtendedProperty=f"librdv={value}")

    assert [item["id"] for item in page["items"]] == [event["id"]]


@check(Mark.DOCUMENTED, "guides/performance, patch semantics")
def a_patch_leaves_the_rest_alone(place: Place) -> None:
    event = place.insert(description="Avant", visibility="private")

    changed = place.patch(event["id"], {"description": "Après"})

    assert (changed["description"], changed["visibility"]) == ("Après", "private")
    assert changed["start"] == event["start"]


@check(Mark.DOCUMENTED, "guides/performance, patch semantics")
def a_patch_with_null_removes_a_field(place: Place) -> None:
    event = place.insert(description="Avant")

    assert "description" not in place.patch(event["id"], {"description": None})


@check(Mark.DOCUMENTED, f"{_REFERENCE}/update: no patch semantics")
def an_update_replaces_the_whole(place: Place) -> None:
    event = place.insert(description="Avant")

    changed = place.update(event["id"], place.body(11))

    assert "description" not in changed
    assert changed["start"]["dateTime"] == place.at(11).isoformat()


@check(Mark.DOCUMENTED, f"{_REFERENCE}/update: end is required")
def an_update_without_end_is_refused(place: Place) -> None:
    event = place.insert()
    body = place.body()
    del body["end"]

    with refused(400, "required"):
        place.update(event["id"], body)


@check(Mark.DOCUMENTED, _ERRORS)
def what_was_never_there_cannot_be_patched(place: Place) -> None:
    with refused(404, "notFound"):
        place.patch(place.new_id(), {"summary": "x"})


@check(Mark.DOCUMENTED, f"{_ERRORS}, 412; guides/version-resources")
def a_stale_etag_is_refused(place: Place) -> None:
    event = place.insert()
    place.patch(event["id"], {"summary": "Entre-temps"})

    with refused(412, "conditionNotMet"):
        place.patch(event["id"], {"summary": "Trop tard"}, event["etag"])


@check(Mark.DOCUMENTED, "guides/version-resources")
def a_current_etag_passes_and_changes(place: Place) -> None:
    event = place.insert()

    changed = place.patch(event["id"], {"summary": "À temps"}, event["etag"])

    assert changed["etag"] != event["etag"]


@check(Mark.DOCUMENTED, "guides/version-resources")
def reading_leaves_the_etag_alone(place: Place) -> None:
    event = place.insert()

    assert place.get(event["id"])["etag"] == event["etag"]


@check(Mark.ASSUMED, f"{_REFERENCE}, sequence: as iCalendar has it")
def moving_raises_the_sequence(place: Place) -> None:
    event = place.insert()
    later = place.body(15)

    moved = place.patch(event["id"], {"start": later["start"], "end": later["end"]})

    assert moved["sequence"] > event["sequence"]


@check(Mark.ASSUMED, "answers quoted in issues")
def the_organizer_is_the_calendar_and_there_are_no_guests(place: Place) -> None:
    event = place.insert()

    assert event["organizer"]["email"] == place.calendar
    assert "attendees" not in event


@check(Mark.DOCUMENTED, f"{_REFERENCE}, start.date")
def a_whole_day_is_given_by_dates(place: Place) -> None:
    day = place.at(0).date()
    body = {"start": {"date": day.isoformat()}, "end": {"date": str(day + timedelta(days=1))}}

    assert place.insert_raw({"summary": "Congé", **body})["start"] == {"date": day.isoformat()}


@check(Mark.DOCUMENTED, f"{_REFERENCE}, recurrence; start.timeZone is required for series")
def a_series_without_zone_is_refused(place: Place) -> None:
    body = place.body(recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    del body["start"]["timeZone"]

    with refused(400, "required"):
        place.insert_raw(body)
