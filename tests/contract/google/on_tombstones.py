"""Deletion, and what stays after it."""

from tests.contract.google.checks import Mark, check
from tests.contract.google.place import Place, refused


def _deleted(place: Place) -> str:
    event_id: str = place.insert()["id"]
    place.delete(event_id)
    return event_id


@check(Mark.DOCUMENTED, "reference/events, status: get always returns cancelled events")
def a_deleted_event_can_still_be_read(place: Place) -> None:
    assert place.get(_deleted(place))["status"] == "cancelled"


@check(Mark.SEEN, "googleapis/google-api-python-client #210")
def deleting_twice_says_gone(place: Place) -> None:
    event_id = _deleted(place)

    with refused(410, "deleted"):
        place.delete(event_id)


@check(Mark.SEEN, "googleapis/google-api-python-client #846")
def a_deleted_id_cannot_be_inserted_again(place: Place) -> None:
    event_id = _deleted(place)

    with refused(409, "duplicate"):
        place.insert(id=event_id)


@check(Mark.SEEN, "googleapis/google-api-ruby-client #1811")
def a_deleted_event_cannot_be_updated(place: Place) -> None:
    event_id = _deleted(place)

    with refused(403, "forbidden"):
        place.update(event_id, place.body())


@check(Mark.ASSUMED, "the reference says deleted events can be restored, issues say 403")
def a_deleted_event_is_not_revived_by_its_status(place: Place) -> None:
    event_id = _deleted(place)

    with refused(403, "forbidden"):
        place.patch(event_id, {"status": "confirmed"})


@check(Mark.SEEN, "calcom CalendarService takes 404 for a wrong calendar")
def what_was_never_there_cannot_be_deleted(place: Place) -> None:
    with refused(404, "notFound"):
        place.delete(place.new_id())


@check(Mark.DOCUMENTED, "guides/version-resources")
def a_stale_etag_does_not_delete(place: Place) -> None:
    event = place.insert()
    place.patch(event["id"], {"summary": "Entre-temps"})

    with refused(412, "conditionNotMet"):
        place.delete(event["id"], event["etag"])


@check(Mark.DOCUMENTED, "reference/events/list, showDeleted")
def lists_hide_the_deleted_unless_asked(place: Place) -> None:
    uid = place.get(_deleted(place))["iCalUID"]

    assert place.page(iCalUID=uid).get("items", []) == []
    assert [item["status"] for item in place.page(iCalUID=uid, showDeleted=True)["items"]] == [
        "cancelled"
    ]


@check(Mark.ASSUMED, "another id is another event")
def a_next_generation_of_the_id_is_free(place: Place) -> None:
    event_id = _deleted(place)

    assert place.insert(id=f"{event_id}1")["status"] == "confirmed"
