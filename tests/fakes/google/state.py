"""The state of the fake server: accounts, tokens, faults and the journal behind one lock."""

import secrets
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from tests.fakes.google import events, times
from tests.fakes.google.accounts import Account, Calendar
from tests.fakes.google.api import METHODS, Call
from tests.fakes.google.contract import BASE, SCOPE, Contract, Method, contract
from tests.fakes.google.errors import Refused
from tests.fakes.google.faults import BlackHole, Fault, HeldRequests, RandomFaults
from tests.fakes.google.id_tokens import IDENTITY
from tests.fakes.google.journal import Entry, Journal
from tests.fakes.google.oauth import Client, OAuth
from tests.fakes.google.watch import Watch

PARIS = "Europe/Paris"
_MINUTE = timedelta(minutes=1)


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Google:
    """The data of the fake server, and its faults. Safe to use from several threads.

    faults          queues per method id, each used up one by one: `faults["oauth.token"].append(KNOWN["503"])`
    random_faults   for requests without a queued fault
    injected        how often each fault has occurred, by its name
    latency         seconds that each call takes before anything else happens
    black_hole      `.open()` swallows requests until `.close()`
    held_requests   `.apply_all()` applies the requests that a fault has held
    quota_per_user  requests a minute and account, then 403 userRateLimitExceeded; None: no limit
    revives_tombstones   whether a deleted event comes back by patch(status="confirmed")
    broken          what went wrong in the fake server itself: stays empty
    checks_answers  compare each answer with the discovery document (a wrong one is a 500)
    """

    clock: Callable[[], datetime] = _clock
    client_id: str = "fake-client"
    client_secret: str = "fake-secret"
    redirects: list[str] = field(default_factory=list)
    journal_limit: int | None = 100_000
    random_faults: RandomFaults | None = None
    latency: float = 0.0
    quota_per_user: int | None = None
    revives_tombstones: bool = False
    checks_answers: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)
    faults: defaultdict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    injected: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    black_hole: BlackHole = field(default_factory=BlackHole)
    held_requests: HeldRequests = field(default_factory=HeldRequests)
    broken: list[str] = field(default_factory=list)
    contract: Contract = field(default_factory=contract)
    lock: threading.RLock = field(default_factory=threading.RLock)
    journal: Journal = field(init=False)
    oauth: OAuth = field(init=False)
    watch: Watch = field(init=False)
    _recent: defaultdict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))

    def __post_init__(self) -> None:
        self.journal = Journal(self.journal_limit)
        client = Client(self.client_id, self.client_secret, self.redirects)
        self.oauth = OAuth(self.now, {self.client_id: client})
        self.watch = Watch(self.now)

    def now(self) -> datetime:
        """The fake server's own time: `clock` may be replaced at any moment."""
        return self.clock()

    # Accounts and consent

    def account(self, email: str, *, workspace: bool = False, zone: str = PARIS) -> Account:
        """The account with this address, made on first use."""
        with self.lock:
            if email not in self.accounts:
                made = Account(email, workspace, ZoneInfo(zone))
                self.accounts[email] = made
                primary = Calendar(email, email, email, made.zone, is_primary=True)
                made.calendars[email] = self._watched(primary)
            return self.accounts[email]

    def grant(
        self, account: str, scopes: Collection[str], *, client_id: str = ""
    ) -> tuple[str, str]:
        """An access and a refresh token without consent; short names of calendar scopes will do."""
        with self.lock:
            full_names = [_full_name(scope) for scope in scopes]
            return self.oauth.issue(self.account(account), client_id or self.client_id, full_names)

    def consent(
        self, url: str, account: str, *, untick: Collection[str] = (), deny: bool = False
    ) -> str:
        """Do what a person does at the consent page; return where the browser is sent.

        `OAuthRefused` when Google would show an error page instead.
        """
        with self.lock:
            request = self.oauth.request(dict(parse_qsl(urlsplit(url).query)))
            if deny:
                return self.oauth.deny(request)
            unticked = {_full_name(scope) for scope in untick}
            kept = [scope for scope in request.scopes if scope not in unticked]
            return self.oauth.allow(request, self.account(account), kept)

    def revoke(self, account: str) -> int:
        """The person removes the application's access; return how many grants ended."""
        with self.lock:
            return self.oauth.revoke_account(self.account(account))

    def asked(self, method: str = "", account: str = "") -> list[Entry]:
        """The journal's entries of a method, of an account, or of both."""
        return [
            entry
            for entry in self.journal
            if method in {"", entry.method} and account in {"", entry.account}
        ]

    def calendars(self, account: str) -> list[Calendar]:
        """The calendars of an account, the main one first."""
        with self.lock:
            return list(self.account(account).calendars.values())

    # Acting as the practitioner

    def events(self, account: str, calendar: str = "primary") -> list[dict[str, Any]]:
        """The events of a calendar by start, series as one, tombstones left out."""
        with self.lock:
            found = [
                event
                for event in self._calendar(account, calendar).events.values()
                if not event.is_deleted
            ]
            return [event.body for event in sorted(found, key=lambda event: event.start)]

    def add_event(
        self,
        account: str,
        start: datetime | date,
        end: datetime | date,
        *,
        calendar: str = "primary",
        **fields: Any,
    ) -> str:
        """Add an event, all day when given dates; return its id. `fields` are Google's."""
        with self.lock:
            kept = self._calendar(account, calendar)
            body = {"start": _bound(start), "end": _bound(end), **fields}
            return events.insert(kept, body, now=self.now()).id

    def move_event(
        self,
        account: str,
        event_id: str,
        start: datetime,
        end: datetime | None = None,
        *,
        calendar: str = "primary",
    ) -> None:
        """Move an event, keeping its length unless an end is given."""
        with self.lock:
            kept = self._calendar(account, calendar)
            event = events.find(kept, event_id)
            ends = end or start + (event.end - event.start)
            body = {
                "start": {"date": None, **_bound(start)},
                "end": {"date": None, **_bound(ends)},
            }
            events.change(kept, event, body, now=self.now(), is_patch=True)

    def delete_event(self, account: str, event_id: str, *, calendar: str = "primary") -> None:
        """Delete an event."""
        with self.lock:
            kept = self._calendar(account, calendar)
            events.delete(kept, events.find(kept, event_id), now=self.now())

    def delete_calendar(self, account: str, calendar: str) -> None:
        """Delete a secondary calendar."""
        with self.lock:
            self.remove_calendar(self.account(account), self._calendar(account, calendar))

    def expire_sync_tokens(self) -> None:
        """Answer every sync token given so far with 410 fullSyncRequired."""
        with self.lock:
            for account in self.accounts.values():
                for calendar in account.calendars.values():
                    calendar.sync_epoch += 1

    # What the interface needs

    def make_calendar(self, account: Account, body: dict[str, Any], *, made_by: str) -> Calendar:
        """A secondary calendar."""
        made = Calendar(
            id=f"c_{secrets.token_hex(32)}@group.calendar.google.com",
            owner=account.email,
            summary=body["summary"],
            zone=times.zone_named(body.get("timeZone", account.zone.key)),
            made_by=made_by,
            details={key: body[key] for key in ("description", "location") if key in body},
        )
        self.restamp(made)
        account.calendars[made.id] = self._watched(made)
        return made

    def remove_calendar(self, account: Account, calendar: Calendar) -> None:
        """Remove a calendar with all that is in it."""
        del account.calendars[calendar.id]
        self.watch.changed(calendar, state="not_exists")

    def restamp(self, calendar: Calendar) -> None:
        """Give a calendar a new etag."""
        calendar.etag = f'"{secrets.token_hex(8)}"'

    def next_fault(self, method: str) -> Fault | None:
        """Return the fault of a request: the black hole, then the queue, then a random one."""
        with self.lock:
            self.calls[method] += 1
            fault = None
            if self.black_hole.swallows(method):
                fault = Fault("black_hole")
            elif self.faults.get(method):
                fault = self.faults[method].popleft()
            elif self.random_faults is not None:
                fault = self.random_faults.draw(method)
            if fault is not None:
                self.injected[fault.name] += 1
            return fault

    def open_entry(self, **facts: Any) -> Entry:
        """Begin a line of the journal."""
        with self.lock:
            entry = Entry(number=0, at=times.stamp(self.now()), **facts)
            self.journal.add(entry)
            return entry

    def answer(
        self,
        method: Method,
        arguments: dict[str, Any],
        body: object,
        headers: Mapping[str, str],
        base: str,
    ) -> dict[str, Any] | None:
        """Check the token, execute the method and return the body of the answer; `Refused` otherwise."""
        with self.lock:
            access = self.oauth.bearer(headers.get("authorization", ""))
            scopes = method.scopes & set(access.scopes)
            if not scopes:
                raise Refused(403, "insufficientPermissions")
            self._spend(access.grant.account)
            checked = self.contract.check_body(method, body)
            if method.id not in METHODS:
                raise Refused(501, "notImplemented")
            call = Call(
                google=self,
                account=access.grant.account,
                client_id=access.grant.client_id,
                scopes=scopes,
                arguments=arguments,
                body=checked,
                if_match=headers.get("if-match", ""),
                base=f"{base}{BASE}",
                now=self.now(),
            )
            return METHODS[method.id](call)

    def _spend(self, account: Account) -> None:
        if self.quota_per_user is None:
            return
        now, recent = self.now(), self._recent[account.email]
        while recent and recent[0] <= now - _MINUTE:
            recent.popleft()
        if len(recent) >= self.quota_per_user:
            raise Refused(403, "userRateLimitExceeded")
        recent.append(now)

    def _calendar(self, account: str, calendar: str) -> Calendar:
        found = self.account(account).calendar(calendar)
        if found is None:
            raise Refused(404, "notFound")
        return found

    def _watched(self, calendar: Calendar) -> Calendar:
        calendar.on_change = self.watch.changed
        return calendar


def _full_name(scope: str) -> str:
    if scope in IDENTITY:
        return IDENTITY[scope]
    return scope if "/" in scope else f"{SCOPE}{scope}"


def _bound(at: datetime | date) -> dict[str, str]:
    if isinstance(at, datetime):
        zone = getattr(at.tzinfo, "key", "") or "UTC"
        return {"dateTime": at.isoformat(), "timeZone": zone}
    return {"date": at.isoformat()}
