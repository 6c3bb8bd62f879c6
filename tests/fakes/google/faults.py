"""What can go wrong on the way: scripted for a method, at random with a seed, or a black hole."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

DROP_BEFORE, DROP_AFTER = "drop_before", "drop_after"
CUT, NOT_JSON, HTML = "cut", "not_json", "html"
BLACK_HOLE, ANSWER, SLOW, HELD = "black_hole", "answer", "slow", "held"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one request; `seconds` of latency come on top of any of them.

    drop_before  the connection is closed and nothing was applied
    drop_after   it was applied and the connection is closed without an answer
    cut          it was applied and the answer ends in its middle
    not_json     it was applied and the answer is not JSON
    html         a 502 with a page of a proxy; nothing was applied
    black_hole   accepted and never answered until `Google.black_hole` is closed; nothing was applied
    answer       `status` with `reason` in Google's shape; nothing was applied
    slow         only the latency
    held         nothing happens until `Google.gate` is opened; then it is applied, whoever still listens
    """

    kind: str
    status: int = 0
    reason: str = ""
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """What `Google.injected` counts it as."""
        return f"{self.status} {self.reason}" if self.kind == ANSWER else self.kind

    @property
    def comes_after(self) -> bool:
        """The request was applied all the same."""
        return self.kind in {DROP_AFTER, CUT, NOT_JSON}


KNOWN = {
    **{
        kind: Fault(kind)
        for kind in (DROP_BEFORE, DROP_AFTER, CUT, NOT_JSON, HTML, BLACK_HOLE, SLOW, HELD)
    },
    "403 rateLimitExceeded": Fault(ANSWER, 403, "rateLimitExceeded"),
    "403 userRateLimitExceeded": Fault(ANSWER, 403, "userRateLimitExceeded"),
    "403 forbidden": Fault(ANSWER, 403, "forbidden"),
    "403 insufficientPermissions": Fault(ANSWER, 403, "insufficientPermissions"),
    "429": Fault(ANSWER, 429, "rateLimitExceeded"),
    "500": Fault(ANSWER, 500, "backendError"),
    "503": Fault(ANSWER, 503, "backendError"),
}
"""Faults by name, for control from outside and for the random ones."""
PASSING = (
    DROP_BEFORE, DROP_AFTER, CUT, NOT_JSON, HTML, "403 rateLimitExceeded",
    "403 userRateLimitExceeded", "429", "500", "503",
)  # fmt: skip
"""Those after which trying again is right."""


@dataclass
class RandomFaults:
    """Strikes a share `rate` of the requests; the same seed strikes the same way.

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

    def strike(self, method: str) -> Fault | None:
        """The fault of this request, if any."""
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
        self.held = 0

    def open(self, *methods: str) -> None:
        """Swallow requests, or only those of these methods."""
        with self._changed:
            self._is_open, self._methods = True, frozenset(methods)

    def close(self) -> None:
        """Let go: what was held is cut off, unapplied."""
        with self._changed:
            self._is_open = False
            self._closings += 1
            self._changed.notify_all()

    def swallows(self, method: str) -> bool:
        """Whether this request falls in."""
        with self._changed:
            return self._is_open and (not self._methods or method in self._methods)

    def hold(self, is_gone: Callable[[], bool]) -> None:
        """Wait until the hole is closed or the caller `is_gone`."""
        with self._changed:
            closings = self._closings
            self.held += 1
            try:
                while closings == self._closings and not is_gone():
                    self._changed.wait(0.1)
            finally:
                self.held -= 1


class Gate:
    """Where requests stand that will be applied later; opening it lets through those that are there."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._openings = 0
        self.waiting = 0

    def open(self) -> None:
        """Let everybody through who stands there; who comes later waits for the next opening."""
        with self._changed:
            self._openings += 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Stand there until it is opened."""
        with self._changed:
            openings = self._openings
            self.waiting += 1
            try:
                self._changed.wait_for(lambda: openings != self._openings)
            finally:
                self.waiting -= 1
