"""Counting the cases of a proof: a repeat is not a case, and what failed is named."""

import json
import sys
import threading
from collections import Counter
from collections.abc import Hashable
from typing import Any

_NAMED = 20


class Red(BaseException):
    """A probe has succeeded that must not: the rest of a sabotaged run would tell nothing more."""

    def __init__(self, tally: "Tally") -> None:
        super().__init__("red")
        self.tally = tally


class Tally:
    """Distinct cases by kind, failures with what was seen, and controls that must work.

    With a ``sabotage`` the first failure ends the run: the next count of the main thread raises Red.
    """

    def __init__(self, sabotage: str | None = None) -> None:
        self._ends_when_red = bool(sabotage)
        self._cases: set[Hashable] = set()
        self.attempted = 0
        self.failed = 0
        self.controls = 0
        self.broken_controls = 0
        self.by: Counter[str] = Counter()
        self.failures: list[str] = []

    def count(self, kind: str, case: tuple[Any, ...], *, failed: bool, seen: object = None) -> None:
        """Count one probe; the same case again is judged, but not counted."""
        key = (kind, *case)
        if key not in self._cases:
            self._cases.add(key)
            self.by[kind] += 1
        self.attempted += 1
        if failed:
            self._fail(key, seen)
        # From another thread it would end that thread alone.
        if self.is_decided and threading.current_thread() is threading.main_thread():
            raise Red(self)

    def control(self, case: tuple[Any, ...], *, failed: bool, seen: object = None) -> None:
        """Count one thing that must work, without which the refusals would prove nothing."""
        self.controls += 1
        if failed:
            self.broken_controls += 1
            self._fail(("control", *case), seen)

    @property
    def is_decided(self) -> bool:
        """Whether a sabotage has shown: a broken control alone shows nothing."""
        return self._ends_when_red and self.failed > self.broken_controls

    def _fail(self, case: tuple[Any, ...], seen: object) -> None:
        self.failed += 1
        if len(self.failures) < _NAMED:
            self.failures.append(f"{' | '.join(map(str, case))} -> {seen}")

    def report(self, proof: str, **extra: object) -> dict[str, Any]:
        """Return the line of the proof and print what failed, in short, on stderr."""
        for failure in self.failures:
            print(failure[:300], file=sys.stderr)
        return {
            "proof": proof,
            "attempted": len(self._cases),
            "distinct": len(self._cases),
            "by": dict(sorted(self.by.items())),
            "controls": self.controls,
            "failed": self.failed,
            "ok": self.failed == 0 and bool(self._cases),
            **extra,
        }


def print_line(result: dict[str, Any]) -> int:
    """Print the one line of a proof; return the exit code."""
    print(json.dumps(result, ensure_ascii=False))
    return 0 if result["ok"] else 1
