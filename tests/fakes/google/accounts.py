"""Accounts of the fake server and their calendars."""

import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_PAGES = 500
"""How many page tokens of a calendar stay good."""


@dataclass
class Event:
    """One stored event: a single one, a series, or an exception of a series.

    `body` is the resource without `kind` and `etag`; `start` and `end` are its instants.
    """

    body: dict[str, Any]
    start: datetime
    end: datetime
    change: int = 0

    @property
    def id(self) -> str:
        """Its id in its calendar."""
        return str(self.body["id"])

    @property
    def is_deleted(self) -> bool:
        """It is a tombstone: its id stays taken."""
        return bool(self.body["status"] == "cancelled")

    @property
    def is_busy(self) -> bool:
        """It blocks time."""
        return not self.is_deleted and self.body.get("transparency") != "transparent"


@dataclass
class Page:
    """The query of a page token."""

    items: list[dict[str, Any]]
    offset: int
    sync_token: str
    arguments: dict[str, Any]


@dataclass
class Calendar:
    """A calendar; `made_by` is the client that created it, empty for the account's own.

    `events` is in the order of their last change. Numbers of changes never go back.
    """

    id: str
    owner: str
    summary: str
    zone: ZoneInfo
    made_by: str = ""
    is_primary: bool = False
    details: dict[str, Any] = field(default_factory=dict)
    etag: str = '"1"'
    events: dict[str, Event] = field(default_factory=dict)
    pages: OrderedDict[str, Page] = field(default_factory=OrderedDict)
    change: int = 0
    sync_epoch: int = 0
    on_change: Callable[["Calendar"], None] = lambda calendar: None

    def keep(self, event: Event, now: datetime) -> None:
        """Store an event as changed now: with a new etag, last in order; watchers are notified."""
        self.change += 1
        event.change = self.change
        event.body["etag"] = f'"{int(now.timestamp() * 1000)}{self.change:06d}"'
        self.events.pop(event.id, None)
        self.events[event.id] = event
        self.on_change(self)

    def changed_since(self, change: int) -> Iterator[Event]:
        """Events changed after that number, the latest first."""
        newest = reversed(self.events.values())
        return itertools.takewhile(lambda event: event.change > change, newest)

    def remember(self, token: str, page: Page) -> None:
        """Keep a page for its token, dropping the oldest."""
        self.pages[token] = page
        if len(self.pages) > _PAGES:
            self.pages.popitem(last=False)


@dataclass
class Account:
    """A Google account: a workspace one names its domain in id tokens (`hd`)."""

    email: str
    is_workspace: bool
    zone: ZoneInfo
    calendars: dict[str, Calendar] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Its number, which never changes."""
        digest = hashlib.sha256(self.email.encode()).hexdigest()
        return f"1{int(digest[:18], 16) % 10**20:020d}"

    @property
    def domain(self) -> str:
        """The part of the address after the @."""
        return self.email.partition("@")[2]

    def calendar(self, calendar_id: str) -> Calendar | None:
        """The calendar with this id; `primary` is an alias."""
        return self.calendars.get(self.email if calendar_id == "primary" else calendar_id)

    @property
    def primary(self) -> Calendar:
        """The main calendar."""
        return self.calendars[self.email]
