"""Where the contract is checked: the fake server, or a real account with a throw-away calendar.

The real client is used either way, over a socket. For a real account the environment gives
GOOGLE_CONTRACT_REFRESH_TOKEN, GOOGLE_CONTRACT_CLIENT_ID and GOOGLE_CONTRACT_CLIENT_SECRET.
"""

import contextlib
import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httplib2
import requests
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from tests.fakes.google import Google, serving
from tests.fakes.google.contract import document

PARIS = ZoneInfo("Europe/Paris")
USUAL = ("calendar.app.created", "calendar.freebusy")
ACCOUNT = "camille@exemple.fr"
REDIRECT = "http://connect.lib-rdv.localhost/google/retour"
REAL_TOKEN = "https://oauth2.googleapis.com/token"
_TIMEOUT = 10
_MONDAY = date(2027, 3, 22)
"""The clocks change on the Sunday that follows."""


@dataclass
class Place:
    """The calendar of a check, and its API client. `google` is None on a real account."""

    api: Any
    calendar: str
    base: str
    refresh: str
    token_uri: str
    client_id: str
    client_secret: str
    google: Google | None = None
    week: int = 0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def fake(self) -> Google:
        """The fake server, for checks that act on it."""
        assert self.google is not None
        return self.google

    def at(self, hour: int, *, day: int = 0) -> datetime:
        """An hour of a day of this check's own week."""
        on = _MONDAY + timedelta(weeks=self.week, days=day)
        return datetime(on.year, on.month, on.day, hour, tzinfo=PARIS)

    def body(self, hour: int = 9, *, day: int = 0, hours: int = 1, **fields: Any) -> dict[str, Any]:
        """An event as the product writes them."""
        start = self.at(hour, day=day)
        return {
            "summary": "RDV",
            "start": {"dateTime": start.isoformat(), "timeZone": "Europe/Paris"},
            "end": {
                "dateTime": (start + timedelta(hours=hours)).isoformat(),
                "timeZone": "Europe/Paris",
            },
            **fields,
        }

    def new_id(self) -> str:
        """Return an unused id."""
        return f"v{secrets.token_hex(12)}{next(self._numbers)}"

    def insert(self, hour: int = 9, **fields: Any) -> dict[str, Any]:
        """Insert an event into the calendar."""
        return self.insert_raw(self.body(hour, **fields))

    def insert_raw(self, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        """Insert exactly this."""
        query.setdefault("sendUpdates", "none")
        return self._run(self.api.events().insert(calendarId=self.calendar, body=body, **query))

    def get(self, event_id: str, **query: Any) -> dict[str, Any]:
        """Read one event."""
        return self._run(self.api.events().get(calendarId=self.calendar, eventId=event_id, **query))

    def patch(self, event_id: str, body: dict[str, Any], etag: str = "") -> dict[str, Any]:
        """Change some fields, with `If-Match: etag`."""
        request = self.api.events().patch(
            calendarId=self.calendar, eventId=event_id, body=body, sendUpdates="none"
        )
        return self._run(request, etag)

    def update(self, event_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an event."""
        return self._run(
            self.api.events().update(calendarId=self.calendar, eventId=event_id, body=body)
        )

    def delete(self, event_id: str, etag: str = "") -> None:
        """Delete an event, with `If-Match: etag`."""
        request = self.api.events().delete(
            calendarId=self.calendar, eventId=event_id, sendUpdates="none"
        )
        self._run(request, etag)

    def page(self, **query: Any) -> dict[str, Any]:
        """One page of the calendar."""
        return self._run(self.api.events().list(calendarId=self.calendar, **query))

    def all_pages(self, **query: Any) -> tuple[list[dict[str, Any]], str]:
        """Every item, and the sync token of the last page."""
        items: list[dict[str, Any]] = []
        page = self.page(**query)
        while True:
            items += page.get("items", [])
            if "nextPageToken" not in page:
                return items, page.get("nextSyncToken", "")
            page = self.page(**query, pageToken=page["nextPageToken"])

    def busy(self, *calendars: str, days: int = 7, zone: str = "UTC") -> dict[str, Any]:
        """What blocks time in the check's week, by calendar; the calendar itself when none is named."""
        body = {
            "timeMin": self.at(0).isoformat(),
            "timeMax": self.at(0, day=days).isoformat(),
            "timeZone": zone,
            "items": [{"id": name} for name in calendars or (self.calendar,)],
        }
        answer = self._run(self.api.freebusy().query(body=body))
        found: dict[str, Any] = answer["calendars"]
        return found

    def token(self, **form: str) -> requests.Response:
        """Ask the token endpoint as the registered client; `form` may say otherwise."""
        asked = {"client_id": self.client_id, "client_secret": self.client_secret, **form}
        return requests.post(self.token_uri, data=asked, timeout=_TIMEOUT)

    def _run(self, request: Any, etag: str = "") -> dict[str, Any]:
        """Send a request once; an answer without a body is empty."""
        if etag:
            request.headers["If-Match"] = etag
        return request.execute(num_retries=0) or {}


@contextlib.contextmanager
def refused(status: int, reason: str = "") -> Iterator[None]:
    """Expect the API to refuse so; an empty reason lets any pass."""
    answers: list[HttpError] = []
    try:
        yield
    except HttpError as error:
        answers.append(error)
    assert answers, f"not refused with {status} {reason}"
    details = answers[0].error_details
    found = details[0].get("reason", "") if isinstance(details, list) and details else ""
    assert (answers[0].status_code, found if reason else "") == (status, reason), answers[0]


def service(base: str, credentials: Credentials) -> Any:
    """The real client, pointed at `base` (its batch included), or at Google where that is empty."""
    described = document()
    if base:
        described |= {"rootUrl": f"{base}/", "baseUrl": f"{base}/calendar/v3/"}
        described.pop("mtlsRootUrl", None)
    return build_from_document(
        described, http=AuthorizedHttp(credentials, httplib2.Http(timeout=_TIMEOUT))
    )


@contextlib.contextmanager
def on_the_fake_server(scopes: tuple[str, ...] = ()) -> Iterator[Place]:
    """A fake server of its own with one account and one calendar made by us."""
    google = Google(redirects=[REDIRECT], checks_answers=True)
    with serving(google) as served:
        access, refresh = google.grant(ACCOUNT, scopes or USUAL)
        place = Place(
            api=None,
            calendar="",
            base=served.base,
            refresh=refresh,
            token_uri=f"{served.base}/token",
            client_id=google.client_id,
            client_secret=google.client_secret,
            google=google,
        )
        with _opened(place, access):
            yield place
    assert google.broken == []


@contextlib.contextmanager
def on_a_real_account() -> Iterator[Callable[[], Place]]:
    """Yield a maker of places: each has a week of its own in one calendar, which is deleted at the end."""
    place = Place(
        api=None,
        calendar="",
        base="",
        refresh=os.environ["GOOGLE_CONTRACT_REFRESH_TOKEN"],
        token_uri=REAL_TOKEN,
        client_id=os.environ["GOOGLE_CONTRACT_CLIENT_ID"],
        client_secret=os.environ["GOOGLE_CONTRACT_CLIENT_SECRET"],
    )
    # A series of one check must not reach into the week of the next.
    weeks = itertools.count(step=4)
    with _opened(place, ""):

        def make() -> Place:
            place.week = next(weeks)
            return place

        try:
            yield make
        finally:
            place.api.calendars().delete(calendarId=place.calendar).execute()


@contextlib.contextmanager
def _opened(place: Place, access: str) -> Iterator[None]:
    credentials = Credentials(
        access or None,
        refresh_token=place.refresh,
        token_uri=place.token_uri,
        client_id=place.client_id,
        client_secret=place.client_secret,
    )
    place.api = service(place.base, credentials)
    with contextlib.closing(place.api):
        body = {"summary": "Contrat (à supprimer)", "timeZone": "Europe/Paris"}
        place.calendar = _make_calendar(place, body)
        yield


def _make_calendar(place: Place, body: dict[str, Any]) -> str:
    if place.google is not None:
        # Made by hand: the scopes of a check need not allow it.
        with place.google.lock:
            account = place.google.account(ACCOUNT)
            made = place.google.make_calendar(account, body, made_by=place.client_id)
        return made.id
    return str(place.api.calendars().insert(body=body).execute()["id"])
