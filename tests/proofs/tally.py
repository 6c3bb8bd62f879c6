"""Counting the cases of a proof: a repeat is not a case, and what failed is named."""

import json
import sys
from collections import Counter
from collections.abc import Hashable
from typing import Any

_NAMED = 20


class Tally:
    """Distinct cases by kind, failures with what was seen, and controls that must work."""

    def __init__(self) -> None:
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

    def control(self, case: tuple[Any, ...], *, failed: bool, seen: object = None) -> None:
        """Count one thing that must work, without which the refusals would prove nothing."""
        self.controls += 1
        if failed:
            self.broken_controls += 1
            self._fail(("control", *case), seen)

    @property
    def has_shown(self) -> bool:
        """Whether a probe has succeeded that must not: a broken control alone shows nothing."""
        return self.failed > self.broken_controls

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
