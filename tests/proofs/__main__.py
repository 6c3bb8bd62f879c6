"""`make prove [PROOF=name] [SABOTAGE=guard] [SHORT=1]`: runs proofs and writes REPORT.json.

A proof is a module of this folder with

    GUARDS: Mapping[str, Guard]     what it depends on, each removable alone (tests.proofs.sabotage)
    run(*, short: bool, sabotage: str | None) -> dict[str, Any]     at least "attempted" and "failed"

and goes through the doors that users have. Each prints one line of JSON and runs in a process of its
own. Exit code: 0 when it held, 1 when it did not (as every sabotaged run must), 2 for a name that
does not exist, 3 when the proof itself broke, which proves nothing.
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
from pathlib import Path
from types import ModuleType
from typing import Any

from config import embedded
from config.processes import ROOT
from tests.proofs import nursery
from tests.proofs.tally import Red

FOLDER = Path(__file__).resolve().parent
REPORT = ROOT / "REPORT.json"
HELD, FAILED, UNKNOWN, BROKEN = range(4)


def names() -> list[str]:
    """Every proof: each module of this folder that declares guards."""
    modules = (module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return sorted(
        name
        for name in modules
        if name != "__main__" and "\nGUARDS" in (FOLDER / f"{name}.py").read_text("utf-8")
    )


def load(name: str) -> ModuleType:
    """The module of a proof."""
    return importlib.import_module(f"tests.proofs.{name}")


def prove(name: str, *, short: bool, sabotage: str | None) -> int:
    """Run one proof, print its line, keep it in the report; return the exit code."""
    started = time.monotonic()
    line: dict[str, Any] = {"proof": name, "attempted": 0, "distinct": 0, "by": {}, "failed": 0}
    try:
        line |= load(name).run(short=short, sabotage=sabotage)
    except Red as red:
        line |= red.tally.report(name)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is reported
        traceback.print_exc()
        line |= {"error": f"{type(error).__name__}: {error}", "ok": False}
    line["ok"] = bool(line["attempted"]) and not line["failed"] and line.get("ok", True)
    line["seconds"] = round(time.monotonic() - started, 1)
    if sabotage:
        line["sabotage"] = sabotage
    elif not short:
        keep(line)
    print(json.dumps(line, ensure_ascii=False), flush=True)
    if "error" in line:
        return BROKEN
    return HELD if line["ok"] else FAILED


def keep(line: dict[str, Any]) -> None:
    """Put this line into REPORT.json in place of the same proof's older one."""
    lines: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        lines = json.loads(REPORT.read_text("utf-8"))
    lines[line["proof"]] = line
    text = json.dumps(lines, indent=1, ensure_ascii=False, sort_keys=True)
    REPORT.write_text(f"{text}\n", "utf-8")


def prove_all(*, short: bool) -> int:
    """Run every proof, each in a process of its own; the worst exit code."""
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
def services() -> Any:
    """The services of a run: those that the environment names, else our own until the block ends."""
    if "OWNER_DATABASE_URL" in os.environ:
        yield
        return
    with embedded.services() as running:
        os.environ.update(running.environment())
        yield


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="The proofs of lib-rdv.")
    parser.add_argument("proof", nargs="?", help="one of: " + ", ".join(names()))
    parser.add_argument("--sabotage", help="remove this guard: the proof must then fail")
    parser.add_argument("--short", action="store_true", help="fewer cases")
    parser.add_argument("--guards", action="store_true", help="list every proof and its guards")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["LIBRDV_TESTING"] = "1"
    if asked.guards:
        for name in names():
            print(f"{name}: {' '.join(sorted(load(name).GUARDS))}")
        return HELD
    if asked.proof is None and asked.sabotage is None:
        return prove_all(short=asked.short)
    if asked.proof not in names():
        print(f"No proof {asked.proof!r}: there are {', '.join(names())}.", file=sys.stderr)
        return UNKNOWN
    guards = load(asked.proof).GUARDS
    if asked.sabotage is not None and asked.sabotage not in guards:
        print(f"{asked.proof} has the guards {', '.join(sorted(guards))}.", file=sys.stderr)
        return UNKNOWN
    with services(), nursery.running():
        return prove(asked.proof, short=asked.short, sabotage=asked.sabotage)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except embedded.Unavailable as unavailable:
        print(unavailable, file=sys.stderr)
        sys.exit(BROKEN)
