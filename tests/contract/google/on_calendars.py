"""Calendars, and what the narrow scopes reach."""

from tests.contract.google.checks import Mark, check
from tests.contract.google.place import Place, refused

_REFERENCE = "reference/calendars"
_SCOPES = "discovery document, scopes of each method"


@check(Mark.DOCUMENTED, _REFERENCE)
def a_new_calendar_answers_with_its_id_name_and_zone(place: Place) -> None:
    body = {"summary": "Rendez-vous", "timeZone": "Indian/Reunion"}

    made = place.api.calendars().insert(body=body).execute()

    try:
        assert made["id"].endswith("@group.calendar.google.com")
        assert (made["summary"], made["timeZone"]) == ("Rendez-vous", "Indian/Reunion")
    finally:
        place.api.calendars().delete(calendarId=made["id"]).execute()


@check(Mark.DOCUMENTED, f"{_REFERENCE}: summary is required by insert")
def a_calendar_without_a_name_is_refused(place: Place) -> None:
    with refused(400, "required"):
        place.api.calendars().insert(body={"description": "x"}).execute()


@check(Mark.DOCUMENTED, _SCOPES)
def our_own_calendar_can_be_renamed(place: Place) -> None:
    calendars = place.api.calendars()

    calendars.patch(calendarId=place.calendar, body={"summary": "Autre nom"}).execute()

    assert calendars.get(calendarId=place.calendar).execute()["summary"] == "Autre nom"


@check(Mark.ASSUMED, "the description of calendar.app.created")
def a_deleted_calendar_is_not_found(place: Place) -> None:
    made = place.api.calendars().insert(body={"summary": "Bref"}).execute()
    place.api.calendars().delete(calendarId=made["id"]).execute()

    with refused(404, "notFound"):
        place.api.events().list(calendarId=made["id"]).execute()


@check(Mark.DOCUMENTED, _SCOPES)
def our_own_calendar_is_in_the_list_one_by_one(place: Place) -> None:
    entry = place.api.calendarList().get(calendarId=place.calendar).execute()

    assert entry["accessRole"] == "owner"


@check(Mark.DOCUMENTED, _SCOPES)
def the_list_of_calendars_is_closed_to_the_narrow_scopes(place: Place) -> None:
    with refused(403, "insufficientPermissions"):
        place.api.calendarList().list().execute()


@check(Mark.ASSUMED, "calendar.app.created reaches only what the app created")
def the_main_calendar_is_not_found_with_app_created(place: Place) -> None:
    with refused(404, "notFound"):
        place.api.events().list(calendarId="primary").execute()


@check(Mark.ASSUMED, "calendars.delete is for secondary ones; the status is a guess", fake_only=True,
       scopes=("calendar.calendars",))  # fmt: skip
def the_main_calendar_cannot_be_deleted(place: Place) -> None:
    with refused(403):
        place.api.calendars().delete(calendarId="primary").execute()


@check(Mark.ASSUMED, "calendar.app.created reaches only what the app created", fake_only=True)
def a_calendar_of_another_application_is_not_found(place: Place) -> None:
    google = place.fake
    with google.lock:
        account = next(iter(google.accounts.values()))
        other = google.make_calendar(account, {"summary": "Autre"}, made_by="another-client")

    with refused(404, "notFound"):
        place.api.events().list(calendarId=other.id).execute()


@check(Mark.ASSUMED, "calendar.events.freebusy: availability only", fake_only=True,
       scopes=("calendar.events.freebusy",))  # fmt: skip
def titles_are_absent_under_the_freebusy_scope(place: Place) -> None:
    place.fake.add_event(
        "camille@exemple.fr", place.at(9), place.at(10), summary="Secret", location="Ici"
    )

    found = place.api.events().list(calendarId="primary").execute()

    assert [set(item) & {"summary", "location", "description"} for item in found["items"]] == [
        set()
    ]
    assert {"id", "start", "end"} <= set(found["items"][0])
