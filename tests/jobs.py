"""Commands that run at the same time, each with a log of its own; pytest jobs also have services of their own.

A job is a `ManagedProcess`: it ends when this process ends, also after SIGKILL. A pytest job writes its counts,
durations and figures to a file (`tests.plugin`); the closing lines sum them up.
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

from config.devtools.managed_process import ManagedProcess
from tests.databases import SHARED_DUMP

RESULT = "LIBRDV_RESULT"
"""The variable that names the file for the results of a pytest job."""
SLOWEST_SHOWN = 10
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Job:
    """A name and a command."""

    name: str
    command: list[str]


@dataclass
class RunningJob:
    """A job that has been started."""

    job: Job
    process: ManagedProcess
    log: Path
    result: Path
    started: float

    def result_of_ended(self, *, cpu_seconds: float) -> "JobResult":
        """Return the result of the job, which has ended."""
        code = self.process.process.wait()
        seconds = time.monotonic() - self.started
        facts: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            facts = json.loads(self.result.read_text("utf-8"))
        return JobResult(
            self.job,
            code,
            seconds,
            self.log.read_text("utf-8", "replace"),
            cpu_seconds,
            Counter(facts.get("counts", {})),
            facts.get("parts", {self.job.name: seconds}),
            facts.get("figures", {}),
        )


@dataclass(frozen=True)
class JobResult:
    """The exit code, the output and the duration of a job; of pytest also counts, durations and figures."""

    job: Job
    code: int
    seconds: float
    output: str
    cpu_seconds: float = 0.0
    """Processor time of the job and of all processes that it has waited for, servers and browsers included."""
    counts: Counter[str] = field(default_factory=Counter)
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds by fixture and test."""
    figures: dict[str, list[str]] = field(default_factory=dict)
    """Lines of the fixture ``figures``, by test."""

    @property
    def failed(self) -> int:
        """Return the number of failures: at least one when the exit code is not 0."""
        return max(self.counts["failed"], 1 if self.code else 0)

    def show(self) -> None:
        """Print one line; before it the whole output when the job failed."""
        if self.code:
            print(self.output, flush=True)
        counted = "".join(f", {count} {name}" for name, count in self.counts.items() if count)
        word = "ok" if self.code == 0 else "FAILED"
        took = f"{self.seconds:.1f} s, {self.cpu_seconds:.0f} s of CPU"
        print(f"{self.job.name}: {word} ({took}{counted})", flush=True)


def run_jobs(jobs: Iterable[Job], *, at_once: int, folder: Path) -> list[JobResult]:
    """Run the jobs in their order, ``at_once`` of them at a time; return the results as the jobs end."""
    waiting, running, results = list(jobs), list[RunningJob](), list[JobResult]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(_start(waiting.pop(0), folder, number=len(results) + len(running)))
            time.sleep(POLL_SECONDS)
            for job in list(running):
                before = _cpu_seconds()
                if not job.process.ended():
                    continue
                running.remove(job)
                job.process.close()
                results.append(job.result_of_ended(cpu_seconds=_cpu_seconds() - before))
                results[-1].show()
    finally:
        for job in running:
            job.process.release()
        for job in running:
            job.process.close()
    return results


def _cpu_seconds() -> float:
    """Return the processor time of all children that have ended, and of their children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _start(job: Job, folder: Path, *, number: int) -> RunningJob:
    log, result = folder / f"{number}.log", folder / f"{number}.json"
    environment = {
        "LIBRDV_TESTING": "1",
        RESULT: str(result),
        # Each module is compiled once for all jobs, whatever our own environment says.
        "PYTHONDONTWRITEBYTECODE": "",
        SHARED_DUMP: str(folder / "shared.sql"),
    }
    process = ManagedProcess(job.command, environment=environment, output=log)
    return RunningJob(job, process, log, result, time.monotonic())


def summary(results: Iterable[JobResult]) -> str:
    """Return the figures, the slowest tests of all jobs, and the closing line, which programs read."""
    parts: dict[str, float] = {}
    figures: dict[str, list[str]] = {}
    counts: Counter[str] = Counter(passed=0, failed=0)
    for result in results:
        parts |= result.parts
        figures |= result.figures
        counts += Counter(passed=result.counts["passed"], skipped=result.counts["skipped"])
        counts["failed"] += result.failed
    slowest = sorted(parts.items(), key=lambda part: part[1], reverse=True)[:SLOWEST_SHOWN]
    lines = _figure_lines(figures)
    lines += [f"The {len(slowest)} slowest parts, of {sum(parts.values()):.0f} s:"]
    lines += [f"{seconds:7.1f} s  {name}" for name, seconds in slowest]
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return "\n".join([*lines, "", f"{counts['passed']} passed, {counts['failed']} failed{skipped}"])


def _figure_lines(figures: dict[str, list[str]]) -> list[str]:
    lines = ["Figures:"] if figures else []
    for name, kept in sorted(figures.items()):
        lines += [f"  {name}", *(f"    {line}" for line in kept)]
    return [*lines, ""] if figures else []
