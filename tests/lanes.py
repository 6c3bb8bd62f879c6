"""Parts of the check that run at the same time, each a process with a log and, for pytest, services of its own.

A lane is one command on a leash: it ends when this process does, however that happens. What a lane of
pytest has counted, timed and measured it leaves in a file (`tests.plugin`), for one closing line, one list of
the slowest parts of all, and the figures.
"""

import json
import resource
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.processes import Leashed
from tests.databases import SHARED

RESULT = "LIBRDV_RESULT"
"""The variable that names the file for what a lane has counted."""
SLOWEST_SHOWN = 10
TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Lane:
    """One part: its name, its command, and whether all the rest is in vain when it fails."""

    name: str
    command: list[str]
    is_check: bool = False


@dataclass
class Running:
    """A lane that has been started."""

    lane: Lane
    process: Leashed
    log: Path
    result: Path
    started: float

    def outcome(self, *, cpu_seconds: float) -> "Outcome":
        """Return how it went, once it has ended."""
        code = self.process.process.wait()
        seconds = time.monotonic() - self.started
        facts: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            facts = json.loads(self.result.read_text("utf-8"))
        return Outcome(
            self.lane,
            code,
            seconds,
            self.log.read_text("utf-8", "replace"),
            cpu_seconds,
            Counter(facts.get("counts", {})),
            facts.get("parts", {self.lane.name: seconds}),
            facts.get("figures", {}),
        )


@dataclass(frozen=True)
class Outcome:
    """How a lane went: its exit code, what it said, what it counted, timed and measured."""

    lane: Lane
    code: int
    seconds: float
    said: str
    cpu_seconds: float = 0.0
    """Of the lane and all that it started and waited for, servers and browsers included."""
    counts: Counter[str] = field(default_factory=Counter)
    parts: dict[str, float] = field(default_factory=dict)
    figures: dict[str, list[str]] = field(default_factory=dict)
    """The lines that its tests have kept, by test."""

    @property
    def failed(self) -> int:
        """Return how much failed: a lane that ended badly has failed at least once."""
        return max(self.counts["failed"], 1 if self.code else 0)

    def show(self) -> None:
        """Print one line, after everything that a red lane has said."""
        if self.code:
            print(self.said, flush=True)
        counted = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        word = "ok" if self.code == 0 else "FAILED"
        more = f", {counted}" if counted else ""
        took = f"{self.seconds:.1f} s, {self.cpu_seconds:.0f} s of CPU"
        print(f"{self.lane.name}: {word} ({took}{more})", flush=True)


def run_lanes(lanes: Iterable[Lane], *, at_once: int, folder: Path) -> list[Outcome]:
    """Run the lanes in their order, ``at_once`` of them at a time; return how each went.

    A check that fails ends the others: what it found has to be mended before anything else.
    """
    waiting, running, ended = list(lanes), list[Running](), list[Outcome]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(_start(waiting.pop(0), folder, number=len(ended) + len(running)))
            time.sleep(TICK_SECONDS)
            for one in list(running):
                before = _cpu_seconds()
                if not one.process.ended():
                    continue
                running.remove(one)
                one.process.close()
                ended.append(one.outcome(cpu_seconds=_cpu_seconds() - before))
                ended[-1].show()
                if ended[-1].code and one.lane.is_check:
                    return ended
    finally:
        for one in running:
            one.process.release()
        for one in running:
            one.process.close()
    return ended


def _cpu_seconds() -> float:
    """Return what all children that have ended took, and theirs: one that ends adds its own at once."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _start(lane: Lane, folder: Path, *, number: int) -> Running:
    log, result = folder / f"{number}.log", folder / f"{number}.json"
    environment = {"LIBRDV_TESTING": "1", RESULT: str(result), **_kept(folder)}
    process = Leashed(lane.command, environment=environment, output=log)
    return Running(lane, process, log, result, time.monotonic())


def _kept(folder: Path) -> dict[str, str]:
    """Have a run compile each module and migrate the shared tables once, whatever its environment says."""
    return {
        "PYTHONDONTWRITEBYTECODE": "",
        SHARED: str(folder / "shared.sql"),
    }


def summary(outcomes: Iterable[Outcome]) -> str:
    """Return the figures, the slowest parts of all lanes, then the closing line alone: machines read it."""
    parts: dict[str, float] = {}
    figures: dict[str, list[str]] = {}
    counts: Counter[str] = Counter(passed=0, failed=0)
    for outcome in outcomes:
        parts |= outcome.parts
        figures |= outcome.figures
        counts += Counter(passed=outcome.counts["passed"], skipped=outcome.counts["skipped"])
        counts["failed"] += outcome.failed
    slowest = sorted(parts.items(), key=lambda part: part[1], reverse=True)[:SLOWEST_SHOWN]
    lines = _figures(figures)
    lines += [f"The {len(slowest)} slowest parts, of {sum(parts.values()):.0f} s:"]
    lines += [f"{seconds:7.1f} s  {name}" for name, seconds in slowest]
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return "\n".join([*lines, "", f"{counts['passed']} passed, {counts['failed']} failed{skipped}"])


def _figures(kept: dict[str, list[str]]) -> list[str]:
    lines = ["Figures:"] if kept else []
    for name, said in sorted(kept.items()):
        lines += [f"  {name}", *(f"    {line}" for line in said)]
    return [*lines, ""] if kept else []
