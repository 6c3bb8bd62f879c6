"""Google Calendar by Google's own client, over the egress gateway: named scenarios only (S-17).

Must be called outside any unit of work. Errors carry codes, never an address, a name or a response: the address
of a calendar may be an e-mail address. No request is repeated here: a POST whose response was lost may have
been applied, and only lib-rdv's own identifiers of events show it (design section 11).
"""

import functools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol, Self

import httplib2
import requests
import structlog
from django.conf import settings
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR
from googleapiclient.errors import HttpError

from tenants import http_gateway

log = structlog.get_logger("google")

OWN_CALENDAR = "Rendez-vous"
"""Title of the calendar that lib-rdv creates in the account."""
MOST_DAYS = 60
"""Days of busy times read by one request."""
_RETRIED_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}(?![0-9])")
_EVENT_FIELDS = "id,etag,status"
_PLACED_FIELDS = "id,etag,status,start,end"


class GoogleError(Exception):
    """Google did not carry out a request; ``code`` is for the log and for sync health."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unavailable(GoogleError):
    """A later attempt may succeed: rate limit, fault of Google, broken connection.

    The request may have been applied. ``after`` is the delay when Google or a limit gives one.
    """

    def __init__(self, code: str, *, after: timedelta | None = None) -> None:
        super().__init__(code)
        self.after = after


class RequestPostponed(Unavailable):
    """No request was sent: a quota is reached or the circuit breaker is open; ``after`` is the delay."""


class Refused(GoogleError):
    """Google refuses the request, and a repetition would be refused too."""


class TokenExpired(GoogleError):
    """401: Google does not accept the access token, which the caller refreshes once."""


class Missing(GoogleError):
    """404: the calendar or the event does not exist."""


class Exists(GoogleError):
    """409: an event of this identifier exists or has existed."""


class Deleted(GoogleError):
    """410: the event was deleted before; for a list: the sync token is too old."""


class Changed(GoogleError):
    """412: the event has changed since the etag of the request."""


class GoogleEvent(NamedTuple):
    """The fields of an event without its words; times are None for a whole day."""

    id: str
    etag: str
    is_cancelled: bool
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Page(NamedTuple):
    """The changed events of a calendar since a sync token, and the next sync token."""

    events: list[GoogleEvent]
    sync_token: str


class Words(NamedTuple):
    """The words of an event, in memory only, for a practitioner that needs the name (B-28)."""

    id: str
    summary: str
    description: str

    @property
    def phone(self) -> str:
        """The phone number in the description (E.164), or an empty string."""
        number = _NUMBER.search(self.description)
        return number.group() if number else ""


class Meter(Protocol):
    """Counts the requests of an account: one scenario may send several, and Google's quotas count each."""

    def count_request(self) -> None:
        """Count a request before it leaves; raises RequestPostponed."""

    def count_fault(self) -> None:
        """Count a request that Google did not carry out."""


class Client:
    """The calendars of one account over one connection; to be used as a context manager.

    Each method is one scenario and raises GoogleError. ``token`` is an access token and never logged, ``account``
    the ref of the account for the log, ``timeout`` the seconds to wait for a response.
    """

    def __init__(
        self, *, token: str, account: str, meter: Meter, timeout: float | None = None
    ) -> None:
        self._account, self._meter = account, meter
        self._session = http_gateway.session("google_calendar")
        self._http = _Http(self._session, Credentials(token=token), timeout)
        self._api = _api(http_gateway.base_address("google_calendar"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def create_calendar(self, *, zone: str) -> str:
        """Create the calendar "Rendez-vous" in an IANA time zone and return its identifier."""
        body = {"summary": OWN_CALENDAR, "timeZone": zone}
        response = self._call("create_calendar", lambda api: api.calendars.insert(body=body))
        return _required(response, "id")

    def delete_calendar(self, *, calendar: str) -> None:
        """Delete a calendar; a missing calendar counts as a success."""
        self._call_unless_gone(
            "delete_calendar", lambda api: api.calendars.delete(calendarId=calendar)
        )

    def insert(self, *, calendar: str, event_id: str, body: Mapping[str, Any]) -> GoogleEvent:
        """Insert an event under an identifier of lib-rdv; raises Exists when it is or was in use."""
        whole = {"id": event_id, **body}
        return self._event(
            "insert",
            lambda api: api.events.insert(
                calendarId=calendar, body=whole, sendUpdates="none", fields=_EVENT_FIELDS
            ),
        )

    def patch(
        self, *, calendar: str, event_id: str, body: Mapping[str, Any], etag: str
    ) -> GoogleEvent:
        """Change an event that still has the ``etag``; otherwise raises Changed."""
        return self._event(
            "patch",
            lambda api: api.events.patch(
                calendarId=calendar,
                eventId=event_id,
                body=dict(body),
                sendUpdates="none",
                fields=_EVENT_FIELDS,
            ),
            etag=etag,
        )

    def get(self, *, calendar: str, event_id: str) -> GoogleEvent:
        """Return an event without its words; raises Missing when it never existed."""
        return self._event(
            "get",
            lambda api: api.events.get(
                calendarId=calendar, eventId=event_id, fields=_PLACED_FIELDS
            ),
        )

    def read(self, *, calendar: str, event_id: str) -> Words:
        """Return the words of one event, in memory only."""
        response = self._call(
            "read",
            lambda api: api.events.get(
                calendarId=calendar, eventId=event_id, fields="id,summary,description"
            ),
        )
        return _words(response)

    def read_between(self, *, calendar: str, starts_at: datetime, ends_at: datetime) -> list[Words]:
        """Return the words of the events between two instants, in memory only."""
        response = self._call(
            "read_between",
            lambda api: api.events.list(
                calendarId=calendar,
                timeMin=starts_at.isoformat(),
                timeMax=ends_at.isoformat(),
                maxResults=2500,
                singleEvents=True,
                fields="items(id,summary,description)",
            ),
        )
        return [_words(item) for item in response.get("items", ())]

    def delete(self, *, calendar: str, event_id: str, etag: str) -> None:
        """Delete an event that still has the ``etag``; raises Changed, or Deleted when it was deleted before."""
        self._call(
            "delete",
            lambda api: api.events.delete(
                calendarId=calendar, eventId=event_id, sendUpdates="none"
            ),
            etag=etag,
        )

    def changes(self, *, calendar: str, sync_token: str = "") -> Page:
        """Return the events that changed since the sync token; raises Deleted when the token is too old.

        Without a token: all existing events, and the current token. All pages of the response are read.
        """
        events: list[GoogleEvent] = []
        options: dict[str, Any] = {"syncToken": sync_token} if sync_token else {}
        while True:
            build_request = functools.partial(
                _changes_request, calendar=calendar, options=dict(options)
            )
            response = self._call("changes", build_request)
            events += [_event(item) for item in response.get("items", ())]
            if "nextPageToken" not in response:
                return Page(events, str(response.get("nextSyncToken", "")))
            options["pageToken"] = response["nextPageToken"]

    def busy(
        self, *, calendars: Sequence[str], starts_at: datetime, ends_at: datetime
    ) -> dict[str, list[tuple[datetime, datetime]]]:
        """Return the busy times of each readable calendar between two instants.

        A long span is read by several requests of ``MOST_DAYS`` each.
        """
        found: dict[str, list[tuple[datetime, datetime]]] = {name: [] for name in calendars}
        for low, high in _spans(starts_at, ends_at):
            body = {
                "timeMin": low.isoformat(),
                "timeMax": high.isoformat(),
                "items": [{"id": name} for name in calendars],
            }
            response = self._call("busy", functools.partial(_busy_request, body=body))
            by_calendar = response.get("calendars", {})
            if set(calendars) - set(by_calendar):
                raise Unavailable("unreadable")
            for name in [name for name in found if by_calendar[name].get("errors")]:
                del found[name]
            for name, times in found.items():
                times += [
                    (datetime.fromisoformat(busy["start"]), datetime.fromisoformat(busy["end"]))
                    for busy in by_calendar[name].get("busy", ())
                ]
        return found

    def watch(
        self, *, calendar: str, channel: str, token: str, address: str, life: timedelta
    ) -> tuple[str, datetime]:
        """Open a push channel; return the identifier of the watched resource, and the end of the channel."""
        body = {
            "id": channel,
            "token": token,
            "type": "web_hook",
            "address": address,
            "params": {"ttl": str(int(life.total_seconds()))},
        }
        response = self._call("watch", lambda api: api.events.watch(calendarId=calendar, body=body))
        until = datetime.fromtimestamp(int(_required(response, "expiration")) / 1000, tz=UTC)
        return _required(response, "resourceId"), until

    def stop(self, *, channel: str, resource: str) -> None:
        """Stop a push channel; a missing channel counts as a success."""
        body = {"id": channel, "resourceId": resource}
        self._call_unless_gone("stop", lambda api: api.channels.stop(body=body))

    def _event(
        self, scenario: str, build_request: Callable[[Any], Any], *, etag: str = ""
    ) -> GoogleEvent:
        return _event(self._call(scenario, build_request, etag=etag))

    def _call_unless_gone(self, scenario: str, build_request: Callable[[Any], Any]) -> None:
        try:
            self._call(scenario, build_request)
        except (Missing, Deleted):
            return

    def _call(
        self, scenario: str, build_request: Callable[[Any], Any], *, etag: str = ""
    ) -> dict[str, Any]:
        """Count a request, send it once, and log scenario, account and outcome.

        Every failure of the client or of the connection is raised as a GoogleError.
        """
        http_gateway.refuse_inside_a_unit()
        request = build_request(self._api)
        if etag:
            request.headers["If-Match"] = etag
        self._meter.count_request()
        started = time.monotonic()
        try:
            response = request.execute(http=self._http, num_retries=0)
        except HttpError as error:
            failure = _failure(error)
        except (requests.RequestException, httplib2.HttpLib2Error, OSError):
            failure = Unavailable("unreachable")
        except http_gateway.OutboundRefusedError:
            failure = Unavailable(
                "egress_refused"
            )  # a redirect, or a name that leads to no public address
        except ValueError:
            failure = Unavailable("unreadable")  # an incomplete response, or one of a proxy
        else:
            # The client returns text for a response without JSON; a deletion has an empty response.
            if isinstance(response, dict) or not response:
                self._log(scenario, "ok", started)
                return response or {}
            failure = Unavailable("unreadable")
        self._log(scenario, failure.code, started)
        raise self._counted(failure)

    def _counted(self, failure: GoogleError) -> GoogleError:
        if isinstance(failure, Unavailable):
            self._meter.count_fault()
        return failure

    def _log(self, scenario: str, outcome: str, started: float) -> None:
        log.info(
            "google_call",
            kind=scenario,
            entry=self._account,
            reason=outcome,
            ms=round((time.monotonic() - started) * 1000),
        )


class _Http:
    """Replaces httplib2.Http for Google's client: sends over the egress gateway, without retries and redirects."""

    def __init__(
        self, session: requests.Session, credentials: Credentials, timeout: float | None
    ) -> None:
        self._session, self._credentials = session, credentials
        self._timeout = timeout or settings.GOOGLE_TIMEOUT_SECONDS

    def request(  # the signature of httplib2
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_options: Any,
    ) -> tuple[httplib2.Response, bytes]:
        sent = dict(headers or {})
        self._credentials.apply(sent)
        connect = min(http_gateway.CONNECT_SECONDS, self._timeout)
        response = self._session.request(
            method, uri, data=body, headers=sent, timeout=(connect, self._timeout)
        )
        received = {name.lower(): value for name, value in response.headers.items()}
        received["status"] = str(response.status_code)
        return httplib2.Response(received), response.content


def _changes_request(api: Any, *, calendar: str, options: Mapping[str, Any]) -> Any:
    return api.events.list(
        calendarId=calendar,
        maxResults=2500,
        showDeleted="syncToken" in options,
        fields=f"items({_PLACED_FIELDS}),nextPageToken,nextSyncToken",
        **options,
    )


def _busy_request(api: Any, *, body: Mapping[str, Any]) -> Any:
    return api.freebusy.query(body=body)


class _NoConnection:
    """The client's default connection, which refuses: no request can leave over another account's connection."""

    def request(self, *_args: Any, **_options: Any) -> NoReturn:
        raise RuntimeError("each request brings the connection of its account")


@dataclass(frozen=True)
class _Api:
    """The resources of Google Calendar's client, built once because building takes longer than a request."""

    events: Any
    calendars: Any
    freebusy: Any
    channels: Any


@functools.cache
def _api(base: str) -> _Api:
    """Return the client for this base address, once per process; each request has its own connection."""
    api = build_from_document(_document(base), http=_NoConnection())
    return _Api(api.events(), api.calendars(), api.freebusy(), api.channels())


def _document(base: str) -> dict[str, Any]:
    """Return the discovery document that ships with the client, with the base address replaced.

    The addresses for batches and mTLS are replaced or removed too.
    """
    path = Path(DISCOVERY_DOC_DIR, "calendar.v3.json")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    document.pop("mtlsRootUrl", None)
    document["rootUrl"] = base
    document["baseUrl"] = base + document["servicePath"]
    return document


def _failure(error: HttpError) -> GoogleError:
    """Return the GoogleError for an HTTP error (design section 11)."""
    status, reason = error.resp.status, _reason(error)
    if status == 403 and reason in _RETRIED_REASONS:
        return Unavailable("rate_limit")
    if status == 429:
        return Unavailable("rate_limit")
    if status >= 500:
        return Unavailable("google_fault")
    kinds: dict[int, type[GoogleError]] = {
        401: TokenExpired,
        404: Missing,
        409: Exists,
        410: Deleted,
        412: Changed,
    }
    kind = kinds.get(status, Refused)
    return kind(f"answer_{status}")


def _reason(error: HttpError) -> str:
    try:
        return str(json.loads(error.content)["error"]["errors"][0]["reason"])
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


def _event(item: Mapping[str, Any]) -> GoogleEvent:
    return GoogleEvent(
        _required(item, "id"),
        str(item.get("etag", "")),
        item.get("status") == "cancelled",
        _instant(item.get("start")),
        _instant(item.get("end")),
    )


def _required(item: Mapping[str, Any], name: str) -> str:
    """Return a required field of a response; raises Unavailable when it is missing."""
    if name not in item:
        raise Unavailable("unreadable")
    return str(item[name])


def _words(item: Mapping[str, Any]) -> Words:
    return Words(
        _required(item, "id"), str(item.get("summary", "")), str(item.get("description", ""))
    )


def _instant(value: Mapping[str, str] | None) -> datetime | None:
    """Return an instant; None for a whole day, which no event of lib-rdv is."""
    text = (value or {}).get("dateTime")
    return datetime.fromisoformat(text) if text else None


def _spans(starts_at: datetime, ends_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    while starts_at < ends_at:
        high = min(ends_at, starts_at + timedelta(days=MOST_DAYS))
        yield starts_at, high
        starts_at = high
