"""Push notifications: channels, and a thread that really POSTs to their addresses.

Only loopback addresses (`localhost`, `*.localhost`, 127.0.0.0/8) are ever called.
"""

import contextlib
import http.client
import ipaddress
import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.google.accounts import Calendar
from tests.fakes.google.errors import Refused

DEFAULT_LIFE = timedelta(days=7)
LONGEST_LIFE = timedelta(days=30)
"""Assumed: Google shortens what is longer."""
_LONGEST_ID, _LONGEST_TOKEN = 64, 256
_TIMEOUT = 5


@dataclass
class Channel:
    """One subscription to the events of a calendar."""

    id: str
    token: str
    address: str
    expires: datetime
    calendar_id: str
    resource_id: str
    resource_uri: str
    account: str
    client_id: str
    messages: int = 0

    def body(self) -> dict[str, Any]:
        """The answer to a watch request."""
        answer = {
            "kind": "api#channel",
            "id": self.id,
            "resourceId": self.resource_id,
            "resourceUri": self.resource_uri,
            "expiration": str(int(self.expires.timestamp() * 1000)),
        }
        return answer | ({"token": self.token} if self.token else {})


@dataclass(frozen=True)
class Notification:
    """One POST that was made: `status` is what the receiver answered, 0 for nothing."""

    channel: str
    state: str
    number: int
    status: int


@dataclass
class Watch:
    """The channels, and how the notifications go astray.

    `lose_every` and `repeat_every` count notifications (0: never); `reorders` swaps neighbours: one waits
    for the next. `sent` holds the latest thousand.
    """

    clock: Callable[[], datetime]
    lose_every: int = 0
    repeat_every: int = 0
    reorders: bool = False
    channels: dict[str, Channel] = field(default_factory=dict)
    sent: list[Notification] = field(default_factory=list)
    _queue: queue.Queue[tuple[Channel, str, int] | None] = field(default_factory=queue.Queue)
    _thread: threading.Thread | None = None
    _count: int = 0
    _delayed: tuple[Channel, str, int] | None = None

    def open(
        self, calendar: Calendar, body: dict[str, Any], *, base: str, account: str, client_id: str
    ) -> Channel:
        """Open a channel and announce it with `sync`; 400 for what cannot be one."""
        if body.get("type") not in {"web_hook", "webhook"}:
            raise Refused(400, "invalid", "Unknown channel type", location="type")
        if not 0 < len(body.get("id", "")) <= _LONGEST_ID:
            raise Refused(400, "invalid", "Invalid channel id", location="id")
        if len(body.get("token", "")) > _LONGEST_TOKEN or not _is_local(body.get("address", "")):
            raise Refused(400, "invalid", "Invalid channel", location="address")
        if body["id"] in self.channels:
            raise Refused(400, "channelIdNotUnique", f"Channel id {body['id']} not unique")
        resource = uuid.uuid5(uuid.NAMESPACE_URL, calendar.id).hex[:27]
        channel = Channel(
            id=body["id"],
            token=body.get("token", ""),
            address=body["address"],
            expires=self._expiry(body),
            calendar_id=calendar.id,
            resource_id=resource,
            resource_uri=f"{base}?alt=json",
            account=account,
            client_id=client_id,
        )
        self.channels[channel.id] = channel
        self._notify(channel, "sync")
        return channel

    def stop(self, channel_id: str, resource_id: str, *, client_id: str) -> None:
        """Close a channel; 404 for one that is not open."""
        channel = self.channels.get(channel_id)
        asked = (resource_id, client_id)
        if (
            channel is None
            or (channel.resource_id, channel.client_id) != asked
            or self._is_over(channel)
        ):
            raise Refused(404, "notFound", f"Channel '{channel_id}' not found for project")
        del self.channels[channel_id]

    def changed(self, calendar: Calendar, *, state: str = "exists") -> None:
        """Tell the watchers of a calendar."""
        for channel in list(self.channels.values()):
            if channel.calendar_id == calendar.id and not self._is_over(channel):
                self._notify(channel, state)

    def expire(self) -> None:
        """Let every channel end now, without a word, as they do."""
        self.channels.clear()

    def start(self) -> None:
        """Start to deliver; earlier notifications wait in the queue."""
        self._thread = threading.Thread(target=self._deliver, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after what is still queued."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def flush(self) -> None:
        """Wait until all notifications so far are delivered or lost."""
        self._queue.join()

    def _expiry(self, body: dict[str, Any]) -> datetime:
        now = self.clock()
        ttl = body.get("params", {}).get("ttl")
        if ttl:
            return now + min(timedelta(seconds=int(ttl)), LONGEST_LIFE)
        if body.get("expiration"):
            asked = datetime.fromtimestamp(int(body["expiration"]) / 1000, UTC)
            return min(asked, now + LONGEST_LIFE)
        return now + DEFAULT_LIFE

    def _is_over(self, channel: Channel) -> bool:
        return channel.expires <= self.clock()

    def _notify(self, channel: Channel, state: str) -> None:
        channel.messages += 1
        message = (channel, state, channel.messages)
        self._count += 1
        if self.lose_every and self._count % self.lose_every == 0:
            return
        if self.reorders and self._delayed is None:
            self._delayed = message
            return
        copies = 2 if self.repeat_every and self._count % self.repeat_every == 0 else 1
        for _ in range(copies):
            self._queue.put(message)
        if self._delayed is not None:
            self._queue.put(self._delayed)
            self._delayed = None

    def _deliver(self) -> None:
        while True:
            message = self._queue.get()
            try:
                if message is None:
                    return
                channel, state, number = message
                status = _post(channel, state, number)
                self.sent.append(Notification(channel.id, state, number, status))
                del self.sent[:-1000]
            finally:
                self._queue.task_done()


def _post(channel: Channel, state: str, number: int) -> int:
    """POST one notification without a body; return the status, 0 without an answer."""
    parts = urlsplit(channel.address)
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json; utf-8",
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Channel-Expiration": format_datetime(channel.expires.astimezone(UTC), usegmt=True),
        "X-Goog-Resource-ID": channel.resource_id,
        "X-Goog-Resource-URI": channel.resource_uri,
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": str(number),
        "Content-Length": "0",
    }
    if channel.token:
        headers["X-Goog-Channel-Token"] = channel.token
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    link = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=_TIMEOUT)
    with contextlib.closing(link):
        try:
            link.request("POST", path, headers=headers)
            return link.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def _is_local(address: str) -> bool:
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
