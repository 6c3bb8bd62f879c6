"""The faults of requests: scripted for a method, at random with a seed, or a black hole."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

DROP_BEFORE, DROP_AFTER = "drop_before", "drop_after"
CUT, NOT_JSON, HTML = "cut", "not_json", "html"
BLACK_HOLE, ANSWER, SLOW, HELD_BACK = "black_hole", "answer", "slow", "held"


@dataclass(frozen=True)
class Fault:
    """One fault of one request; `seconds` of latency are added to any of them.

    drop_before  the connection is closed and nothing was applied
    drop_after   it was applied and the connection is closed without an answer
    cut          it was applied and the answer ends in its middle
    not_json     it was applied and the answer is not JSON
    html         a 502 with a page of a proxy; nothing was applied
    black_hole   accepted and never answered until `Google.black_hole` is closed; nothing was applied
    answer       `status` with `reason` in Google's shape; nothing was applied
    slow         only the latency
    held         nothing happens until `Google.held_requests` are applied; then it is applied and answered
    """

    kind: str
    status: int = 0
    reason: str = ""
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The name under which `Google.injected` counts it."""
        return f"{self.status} {self.reason}" if self.kind == ANSWER else self.kind

    @property
    def comes_after(self) -> bool:
        """Whether the request was applied before the fault."""
        return self.kind in {DROP_AFTER, CUT, NOT_JSON}


KNOWN = {
    **{
        kind: Fault(kind)
        for kind in (DROP_BEFORE, DROP_AFTER, CUT, NOT_JSON, HTML, BLACK_HOLE, SLOW, HELD_BACK)
    },
    "403 rateLimitExceeded": Fault(ANSWER, 403, "rateLimitExceeded"),
    "403 userRateLimitExceeded": Fault(ANSWER, 403, "userRateLimitExceeded"),
    "403 forbidden": Fault(ANSWER, 403, "forbidden"),
    "403 insufficientPermissions": Fault(ANSWER, 403, "insufficientPermissions"),
    "429": Fault(ANSWER, 429, "rateLimitExceeded"),
    "500": Fault(ANSWER, 500, "backendError"),
    "503": Fault(ANSWER, 503, "backendError"),
}
"""Faults by name, for control from another process and for random faults."""
PASSING = (
    DROP_BEFORE, DROP_AFTER, CUT, NOT_JSON, HTML, "403 rateLimitExceeded",
    "403 userRateLimitExceeded", "429", "500", "503",
)  # fmt: skip
"""The faults after which a retry is right."""


@dataclass
class RandomFaults:
    """Lets a share `rate` of the requests fail; the same seed leads to the same faults.

    `kinds` are names of `KNOWN`; `methods` limits it to those method ids. `seconds` is how slow a slow
    answer is: longer than the caller waits, it is a request that is applied after it was given up.
    """

    rate: float
    seed: int = 0
    kinds: Sequence[str] = PASSING
    methods: Sequence[str] = ()
    seconds: float = 0.0
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def draw(self, method: str) -> Fault | None:
        """Draw the fault of a request; None for none."""
        if self.methods and method not in self.methods:
            return None
        if self._dice.random() >= self.rate:
            return None
        fault = KNOWN[self._dice.choice(self.kinds)]
        return replace(fault, seconds=self.seconds) if fault.kind == SLOW else fault


class BlackHole:
    """While it is open, requests are accepted and never answered; closing it cuts them off."""

    def __init__(self) -> None:
        self._is_open = False
        self._methods: frozenset[str] = frozenset()
        self._changed = threading.Condition()
        self._closings = 0
        self.waiting = 0

    def open(self, *methods: str) -> None:
        """Swallow requests, or only those of these methods."""
        with self._changed:
            self._is_open, self._methods = True, frozenset(methods)

    def close(self) -> None:
        """Cut the waiting requests off; they are not applied."""
        with self._changed:
            self._is_open = False
            self._closings += 1
            self._changed.notify_all()

    def swallows(self, method: str) -> bool:
        """Whether a request of this method is swallowed."""
        with self._changed:
            return self._is_open and (not self._methods or method in self._methods)

    def wait(self, is_gone: Callable[[], bool]) -> None:
        """Wait until the hole is closed or the caller `is_gone`."""
        with self._changed:
            closings = self._closings
            self.waiting += 1
            try:
                while closings == self._closings and not is_gone():
                    self._changed.wait(0.1)
            finally:
                self.waiting -= 1


class HeldRequests:
    """Requests that wait until they are applied."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rounds = 0
        self.waiting = 0

    def apply_all(self) -> None:
        """Let the waiting requests be applied; later requests wait for the next call."""
        with self._changed:
            self._rounds += 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until the held requests are applied."""
        with self._changed:
            before = self._rounds
            self.waiting += 1
            try:
                self._changed.wait_for(lambda: before != self._rounds)
            finally:
                self.waiting -= 1
