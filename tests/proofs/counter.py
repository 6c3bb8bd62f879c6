"""Counts the cases of a proof and decides its outcome."""

import json
import sys
import threading
from collections import Counter
from collections.abc import Hashable
from enum import StrEnum
from typing import Any

from tests.proofs.guards import Guard

_LISTED_FAILURES = 20


class Outcome(StrEnum):
    """What a run of a proof has shown."""

    PASSED = "passed"
    FAILED = "failed"
    """The proof's own count has found what must not happen."""
    BROKEN = "broken"
    """Only controls failed, or the product answered 5xx: nothing is shown about the promise."""


class FirstFailure(BaseException):
    """The proof has failed while a guard was removed: the rest of the run would show nothing more."""

    def __init__(self, counter: "CaseCounter") -> None:
        super().__init__("failed")
        self.counter = counter


class CaseCounter:
    """Distinct cases by kind, failures with what was seen, and controls that must work.

    With a removed ``guard`` the first failure of the proof's own count ends the run: the next count in the main
    thread raises FirstFailure. A 5xx is such a failure only when the guard says so (`Guard.server_errors`).
    """

    def __init__(self, guard: Guard | None = None) -> None:
        self._ends_at_first_failure = guard is not None
        self._may_answer_5xx = guard is not None and bool(guard.server_errors)
        self._cases: set[Hashable] = set()
        self.failed = 0
        self.controls = 0
        self.failed_controls = 0
        self.server_errors = 0
        self.by: Counter[str] = Counter()
        self.failures: list[str] = []

    def count(
        self,
        kind: str,
        case: tuple[Any, ...],
        *,
        failed: bool,
        seen: object = None,
        status: int = 0,
    ) -> None:
        """Count one case; the same case again is judged but not counted as another one.

        ``status`` is the HTTP status of the answer that was judged: a failure by a 5xx is a server error.
        """
        key = (kind, *case)
        if key not in self._cases:
            self._cases.add(key)
            self.by[kind] += 1
        if failed:
            self.server_errors += status >= 500 and not self._may_answer_5xx
            self._fail(key, seen, status)
        # Raised in another thread it would end that thread alone.
        if self.is_decided and threading.current_thread() is threading.main_thread():
            raise FirstFailure(self)

    def control(
        self, case: tuple[Any, ...], *, failed: bool, seen: object = None, status: int = 0
    ) -> None:
        """Count one thing that must work: when it does not, a refusal elsewhere proves nothing."""
        self.controls += 1
        if failed:
            self.failed_controls += 1
            self._fail(("control", *case), seen, status)

    @property
    def own_failures(self) -> int:
        """Failures that are neither failed controls nor server errors."""
        return self.failed - self.failed_controls - self.server_errors

    @property
    def is_decided(self) -> bool:
        """Whether a removed guard has shown by the proof's own count."""
        return self._ends_at_first_failure and self.own_failures > 0

    @property
    def outcome(self) -> Outcome:
        """Return what the counts show; with a removed guard one 5xx is enough for a broken run."""
        if self.failed == 0 and self._cases:
            return Outcome.PASSED
        is_shown = not (self._ends_at_first_failure and self.server_errors)
        return Outcome.FAILED if self.own_failures > 0 and is_shown else Outcome.BROKEN

    def _fail(self, case: tuple[Any, ...], seen: object, status: int) -> None:
        self.failed += 1
        seen = status if seen is None and status else seen
        if len(self.failures) < _LISTED_FAILURES:
            self.failures.append(f"{' | '.join(map(str, case))} -> {seen}")

    def report(self, proof: str, **figures: object) -> dict[str, Any]:
        """Return the result line of the proof and print the failures, shortened, on standard error."""
        for failure in self.failures:
            print(failure[:300], file=sys.stderr)
        return {
            "proof": proof,
            "attempted": len(self._cases),
            "distinct": len(self._cases),
            "by": dict(sorted(self.by.items())),
            "controls": self.controls,
            "failed": self.failed,
            "failed_controls": self.failed_controls,
            "server_errors": self.server_errors,
            "outcome": self.outcome,
            "ok": self.outcome is Outcome.PASSED,
            **figures,
        }


def print_line(result: dict[str, Any]) -> int:
    """Print the one line of a result; return the exit code."""
    print(json.dumps(result, ensure_ascii=False))
    return 0 if result["ok"] else 1
