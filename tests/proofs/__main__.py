"""`make prove [PROOF=name] [SABOTAGE=guard] [SHORT=1]`: runs proofs and writes REPORT.json.

A proof is a module of this folder with

    GUARDS: Mapping[str, Guard]     what it depends on, each removable alone (tests.proofs.guards)
    run(*, short: bool, sabotage: str | None) -> dict[str, Any]     the report of its CaseCounter

and uses the product as its users do: over HTTP, by messages to workers, by management commands. Each proof runs in
a process of its own and prints one line of JSON. The exit code is 0 when the proof held; 1 when its own count has
failed, as each run with a removed guard must; 2 for an unknown name; 3 when it broke: an exception, a guard that
cannot be removed, failed controls or answers 5xx. A broken run shows nothing about the guard.
"""

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from config.devtools import embedded
from config.devtools.processes import ROOT
from tests.proofs.counter import FirstFailure, Outcome

FOLDER = Path(__file__).resolve().parent
REPORT = ROOT / "REPORT.json"
PASSED, FAILED, UNKNOWN, BROKEN = range(4)
CODES = {Outcome.PASSED: PASSED, Outcome.FAILED: FAILED, Outcome.BROKEN: BROKEN}


def names() -> list[str]:
    """Return the name of each proof: each module of this folder that declares guards."""
    modules = (module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return sorted(
        name
        for name in modules
        if name != "__main__" and "\nGUARDS" in (FOLDER / f"{name}.py").read_text("utf-8")
    )


def load(name: str) -> ModuleType:
    """Import the module of a proof."""
    return importlib.import_module(f"tests.proofs.{name}")


def prove(name: str, *, short: bool, sabotage: str | None) -> int:
    """Run one proof, print its line and write it into the report; return the exit code."""
    started = time.monotonic()
    line: dict[str, Any] = {"proof": name, "attempted": 0, "distinct": 0, "by": {}, "failed": 0}
    try:
        line |= load(name).run(short=short, sabotage=sabotage)
    except FirstFailure as failure:
        line |= failure.counter.report(name)
    except Exception as error:  # noqa: BLE001  # it is reported, whatever it is
        traceback.print_exc()
        line |= {"error": f"{type(error).__name__}: {error}", "outcome": Outcome.BROKEN}
    line["ok"] = line["outcome"] == Outcome.PASSED
    line["seconds"] = round(time.monotonic() - started, 1)
    if sabotage:
        line["sabotage"] = sabotage
    elif not short:
        keep(line)
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return CODES[Outcome(line["outcome"])]


def keep(line: dict[str, Any]) -> None:
    """Write this line into REPORT.json in place of the older one of the same proof."""
    lines: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        lines = json.loads(REPORT.read_text("utf-8"))
    lines[line["proof"]] = line
    text = json.dumps(lines, indent=1, ensure_ascii=False, sort_keys=True)
    REPORT.write_text(f"{text}\n", "utf-8")


def prove_all(*, short: bool) -> int:
    """Run each proof in a process of its own; return the highest exit code."""
    codes = [
        subprocess.run(
            [sys.executable, "-m", "tests.proofs", name, *(["--short"] if short else [])],
            cwd=ROOT,
            check=False,
        ).returncode
        for name in names()
    ]
    return max(codes, default=FAILED)


@contextlib.contextmanager
def services() -> Iterator[None]:
    """Use the services that the environment names; without any, run embedded ones until the block ends."""
    if "OWNER_DATABASE_URL" in os.environ:
        yield
        return
    with embedded.services() as running:
        os.environ.update(running.environment())
        yield


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(description="The proofs of lib-rdv.")
    parser.add_argument("proof", nargs="?", help="one of: " + ", ".join(names()))
    parser.add_argument("--sabotage", help="remove this guard: the proof must then fail")
    parser.add_argument("--short", action="store_true", help="fewer cases")
    parser.add_argument("--guards", action="store_true", help="list each proof with its guards")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["LIBRDV_TESTING"] = "1"
    if asked.guards:
        for name in names():
            print(f"{name}: {' '.join(sorted(load(name).GUARDS))}")
        return PASSED
    if asked.proof is None and asked.sabotage is None:
        return prove_all(short=asked.short)
    if asked.proof not in names():
        print(f"No proof {asked.proof!r}: there are {', '.join(names())}.", file=sys.stderr)
        return UNKNOWN
    guards = load(asked.proof).GUARDS
    if asked.sabotage is not None and asked.sabotage not in guards:
        print(f"{asked.proof} has the guards {', '.join(sorted(guards))}.", file=sys.stderr)
        return UNKNOWN
    with services():
        return prove(asked.proof, short=asked.short, sabotage=asked.sabotage)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except embedded.ServicesUnavailable as unavailable:
        print(unavailable, file=sys.stderr)
        sys.exit(BROKEN)
