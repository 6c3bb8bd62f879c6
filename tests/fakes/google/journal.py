"""What the fake server was asked, request by request."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Entry:
    """One request. `status` is 0 while, or when, no answer was given; `fault` names what was injected.

    `method` is the id of the discovery document, `oauth.auth`, `oauth.token` or `oauth.revoke`, and empty
    for a route that does not exist. `reason` is why it was refused.
    """

    number: int
    at: str
    method: str
    account: str
    verb: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    fault: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Journal:
    """The latest entries, oldest first."""

    def __init__(self, limit: int | None) -> None:
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._count = 0

    def add(self, entry: Entry) -> None:
        """Keep one more, numbered; the oldest goes when there are too many."""
        self._count += 1
        entry.number = self._count
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget the entries; numbers go on."""
        self._entries.clear()

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, position: int) -> Entry:
        return self._entries[position]
