"""Google Calendar by its own client, over our gate: named scenarios, and no other method (S-17).

Must be called outside any unit of work. Errors carry codes, never an address, a name or an answer: a
calendar's address is somebody's e-mail. Nothing is sent again by itself: a POST whose answer was
lost may have been applied, and only our own identifiers of events tell (google-agenda, section 5).
"""

import functools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn, Protocol, Self

import httplib2
import requests
import structlog
from django.conf import settings
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR
from googleapiclient.errors import HttpError

from tenants import outbound

log = structlog.get_logger("google")

OWN_CALENDAR = "Rendez-vous"
MOST_DAYS = 60
"""Days of one question about busy times."""
_RETRIED_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}(?![0-9])")
_EVENT_FIELDS = "id,etag,status"
_PLACED_FIELDS = "id,etag,status,start,end"


class GoogleError(Exception):
    """Google did not do it; ``code`` is a word for logs and lights."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unavailable(GoogleError):
    """It may work later: a rate limit, a fault of theirs, a broken line; it may have been applied."""

    def __init__(self, code: str, *, after: timedelta | None = None) -> None:
        super().__init__(code)
        self.after = after


class HeldBack(Unavailable):
    """Nothing was asked: a limit of ours is reached, or Google is ill; ``after`` says how long to wait."""


class Refused(GoogleError):
    """It will never work as it is."""


class Expired(GoogleError):
    """The access token is not accepted: refresh once and try again."""


class Missing(GoogleError):
    """404: the calendar or the event is not there."""


class Exists(GoogleError):
    """409: an event of this identifier stands or has stood."""


class Deleted(GoogleError):
    """410: it was deleted before; of a list: everything must be read again."""


class Changed(GoogleError):
    """412: it is no longer what we wrote last."""


class Event(NamedTuple):
    """What we ask back of an event: no word of it."""

    id: str
    etag: str
    is_cancelled: bool
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Page(NamedTuple):
    """The changes of a calendar since a token, and the next token."""

    events: list[Event]
    sync_token: str


class Words(NamedTuple):
    """What an event says, in memory only: for a practitioner who needs the name (B-28)."""

    id: str
    summary: str
    description: str

    @property
    def phone(self) -> str:
        """The number that it names, as we write it (E.164), or nothing."""
        number = _NUMBER.search(self.description)
        return number.group() if number else ""


class Meter(Protocol):
    """Counts what leaves: a scenario may be many requests, and Google's quotas count each of them."""

    def pass_or_wait(self) -> None:
        """Count a request that is about to leave; HeldBack when it must not."""

    def count_fault(self) -> None:
        """Count a request that Google did not do."""


class Client:
    """The calendar of one account, over one connection; ``account`` is its ref, for the log.

    Each method is one scenario; ``token`` is an access token, never logged. Use it as a context.
    """

    def __init__(
        self, *, token: str, account: str, meter: Meter, timeout: float | None = None
    ) -> None:
        self._account, self._meter = account, meter
        self._session = outbound.session("google_calendar")
        self._http = _Http(self._session, Credentials(token=token), timeout)
        self._api = _api(outbound.base_address("google_calendar"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def create_calendar(self, *, zone: str) -> str:
        """Make our own calendar and return its identifier."""
        body = {"summary": OWN_CALENDAR, "timeZone": zone}
        made = self._call("create_calendar", lambda api: api.calendars.insert(body=body))
        return _said(made, "id")

    def delete_calendar(self, *, calendar: str) -> None:
        """Delete our own calendar; gone already is as good."""
        self._gone_is_done("delete_calendar", lambda api: api.calendars.delete(calendarId=calendar))

    def insert(self, *, calendar: str, event_id: str, body: Mapping[str, Any]) -> Event:
        """Insert under our identifier; Exists when one stands or has stood under it."""
        whole = {"id": event_id, **body}
        return self._event(
            "insert",
            lambda api: api.events.insert(
                calendarId=calendar, body=whole, sendUpdates="none", fields=_EVENT_FIELDS
            ),
        )

    def patch(self, *, calendar: str, event_id: str, body: Mapping[str, Any], etag: str) -> Event:
        """Change an event if it is still the one of ``etag``, else Changed."""
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

    def get(self, *, calendar: str, event_id: str) -> Event:
        """Return an event without its words; Missing when it never was."""
        return self._event(
            "get",
            lambda api: api.events.get(
                calendarId=calendar, eventId=event_id, fields=_PLACED_FIELDS
            ),
        )

    def read(self, *, calendar: str, event_id: str) -> Words:
        """Return what one event says: in memory only."""
        found = self._call(
            "read",
            lambda api: api.events.get(
                calendarId=calendar, eventId=event_id, fields="id,summary,description"
            ),
        )
        return _words(found)

    def read_between(self, *, calendar: str, starts_at: datetime, ends_at: datetime) -> list[Words]:
        """Return what the events of a span say: in memory only."""
        found = self._call(
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
        return [_words(item) for item in found.get("items", ())]

    def delete(self, *, calendar: str, event_id: str, etag: str) -> None:
        """Delete an event if it is still the one of ``etag``, else Changed; Deleted when it was before."""
        self._call(
            "delete",
            lambda api: api.events.delete(
                calendarId=calendar, eventId=event_id, sendUpdates="none"
            ),
            etag=etag,
        )

    def changes(self, *, calendar: str, sync_token: str = "") -> Page:
        """Return what changed since the token, all pages; Deleted when the token is too old.

        Without a token: everything that stands, and the token of now.
        """
        events: list[Event] = []
        options: dict[str, Any] = {"syncToken": sync_token} if sync_token else {}
        while True:
            ask = functools.partial(_ask_changes, calendar=calendar, options=dict(options))
            answer = self._call("changes", ask)
            events += [_event(item) for item in answer.get("items", ())]
            if "nextPageToken" not in answer:
                return Page(events, str(answer.get("nextSyncToken", "")))
            options["pageToken"] = answer["nextPageToken"]

    def busy(
        self, *, calendars: Sequence[str], starts_at: datetime, ends_at: datetime
    ) -> dict[str, list[tuple[datetime, datetime]]]:
        """Return the busy times of each calendar that can be read, between two instants, whatever the span."""
        found: dict[str, list[tuple[datetime, datetime]]] = {name: [] for name in calendars}
        for low, high in _spans(starts_at, ends_at):
            body = {
                "timeMin": low.isoformat(),
                "timeMax": high.isoformat(),
                "items": [{"id": name} for name in calendars],
            }
            answer = self._call("busy", functools.partial(_ask_busy, body=body))
            said = answer.get("calendars", {})
            if set(calendars) - set(said):
                raise Unavailable("unreadable")
            for name in [name for name in found if said[name].get("errors")]:
                del found[name]
            for name, times in found.items():
                times += [
                    (datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]))
                    for one in said[name].get("busy", ())
                ]
        return found

    def watch(
        self, *, calendar: str, channel: str, token: str, address: str, life: timedelta
    ) -> tuple[str, datetime]:
        """Open a push channel; return Google's name of what is watched, and until when."""
        body = {
            "id": channel,
            "token": token,
            "type": "web_hook",
            "address": address,
            "params": {"ttl": str(int(life.total_seconds()))},
        }
        made = self._call("watch", lambda api: api.events.watch(calendarId=calendar, body=body))
        until = datetime.fromtimestamp(int(_said(made, "expiration")) / 1000, tz=UTC)
        return _said(made, "resourceId"), until

    def stop(self, *, channel: str, resource: str) -> None:
        """Close a push channel; closed before is as good."""
        body = {"id": channel, "resourceId": resource}
        self._gone_is_done("stop", lambda api: api.channels.stop(body=body))

    def _event(self, scenario: str, ask: Callable[[Any], Any], *, etag: str = "") -> Event:
        return _event(self._call(scenario, ask, etag=etag))

    def _gone_is_done(self, scenario: str, ask: Callable[[Any], Any]) -> None:
        try:
            self._call(scenario, ask)
        except (Missing, Deleted):
            return

    def _call(self, scenario: str, ask: Callable[[Any], Any], *, etag: str = "") -> dict[str, Any]:
        """Ask once, count it, log scenario, account and status; every failure becomes one of ours."""
        outbound.refuse_inside_a_unit()
        request = ask(self._api)
        if etag:
            request.headers["If-Match"] = etag
        self._meter.pass_or_wait()
        started = time.monotonic()
        try:
            answer = request.execute(http=self._http, num_retries=0)
        except HttpError as error:
            failure = _failure(error)
        except (requests.RequestException, httplib2.HttpLib2Error, OSError):
            failure = Unavailable("unreachable")
        except outbound.OutboundRefusedError:
            failure = Unavailable("gate")  # a redirect, or a name that leads to no public address
        except ValueError:
            failure = Unavailable("unreadable")  # half an answer, or none of Google's
        else:
            # The client hands on as text what is no JSON; a deletion answers nothing at all.
            if isinstance(answer, dict) or not answer:
                self._note(scenario, "ok", started)
                return answer or {}
            failure = Unavailable("unreadable")
        self._note(scenario, failure.code, started)
        raise self._counted(failure)

    def _counted(self, failure: GoogleError) -> GoogleError:
        if isinstance(failure, Unavailable):
            self._meter.count_fault()
        return failure

    def _note(self, scenario: str, outcome: str, started: float) -> None:
        log.info(
            "google_call",
            kind=scenario,
            entry=self._account,
            reason=outcome,
            ms=round((time.monotonic() - started) * 1000),
        )


class _Http:
    """What the client takes for httplib2.Http: our gate, no retry and no redirect of its own."""

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
        connect = min(outbound.CONNECT_SECONDS, self._timeout)
        answer = self._session.request(
            method, uri, data=body, headers=sent, timeout=(connect, self._timeout)
        )
        said = {name.lower(): value for name, value in answer.headers.items()}
        said["status"] = str(answer.status_code)
        return httplib2.Response(said), answer.content


def _ask_changes(api: Any, *, calendar: str, options: Mapping[str, Any]) -> Any:
    return api.events.list(
        calendarId=calendar,
        maxResults=2500,
        showDeleted="syncToken" in options,
        fields=f"items({_PLACED_FIELDS}),nextPageToken,nextSyncToken",
        **options,
    )


def _ask_busy(api: Any, *, body: Mapping[str, Any]) -> Any:
    return api.freebusy.query(body=body)


class _NoConnection:
    """Stands where the client wants a connection: no request can leave through another account's."""

    def request(self, *_args: Any, **_options: Any) -> NoReturn:
        raise RuntimeError("each request brings the connection of its account")


@dataclass(frozen=True)
class _Api:
    """What we ask of Google Calendar, ready to be asked: it takes longer to make than a request."""

    events: Any
    calendars: Any
    freebusy: Any
    channels: Any


@functools.cache
def _api(base: str) -> _Api:
    """Return the client for this address, once per process: each request brings its own connection."""
    api = build_from_document(_document(base), http=_NoConnection())
    return _Api(api.events(), api.calendars(), api.freebusy(), api.channels())


def _document(base: str) -> dict[str, Any]:
    """Return the contract that ships with the client, aimed at our base: batches and mTLS included."""
    with open(f"{DISCOVERY_DOC_DIR}/calendar.v3.json", encoding="utf-8") as file:  # noqa: PTH123
        document: dict[str, Any] = json.load(file)
    document.pop("mtlsRootUrl", None)
    document["rootUrl"] = base
    document["baseUrl"] = base + document["servicePath"]
    return document


def _failure(error: HttpError) -> GoogleError:
    """Say what an answer means (google-agenda, section 8)."""
    status, reason = error.resp.status, _reason(error)
    if status == 403 and reason in _RETRIED_REASONS:
        return Unavailable("rate_limit")
    if status == 429:
        return Unavailable("rate_limit")
    if status >= 500:
        return Unavailable("google_fault")
    kinds: dict[int, type[GoogleError]] = {
        401: Expired,
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


def _event(item: Mapping[str, Any]) -> Event:
    return Event(
        _said(item, "id"),
        str(item.get("etag", "")),
        item.get("status") == "cancelled",
        _instant(item.get("start")),
        _instant(item.get("end")),
    )


def _said(item: Mapping[str, Any], name: str) -> str:
    """Return a field that must be there; an answer without it is none."""
    if name not in item:
        raise Unavailable("unreadable")
    return str(item[name])


def _words(item: Mapping[str, Any]) -> Words:
    return Words(_said(item, "id"), str(item.get("summary", "")), str(item.get("description", "")))


def _instant(said: Mapping[str, str] | None) -> datetime | None:
    """Return an instant; None for a whole day, which none of our events is."""
    text = (said or {}).get("dateTime")
    return datetime.fromisoformat(text) if text else None


def _spans(starts_at: datetime, ends_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    while starts_at < ends_at:
        high = min(ends_at, starts_at + timedelta(days=MOST_DAYS))
        yield starts_at, high
        starts_at = high
