"""`make bench [BENCH=name] [SHORT=1]`: figures beside their limit and their peer, from one run.

A bench is a module of this folder with `run(*, short: bool) -> dict[str, Any]` and a constant `NAME`.
It prints one line of JSON, `ratio_to_limit` and `ratio_to_peer` where it has them, and `ok`. Each runs
in a process of its own. Exit code: 0 when every figure holds, 1 when one does not, 2 for an unknown
name, 3 when the bench itself broke.
"""

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from config.devtools import embedded
from config.devtools.processes import ROOT
from tests.proofs.__main__ import BROKEN, FAILED, PASSED, UNKNOWN, services

FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """Every bench: each module of this folder that has a name."""
    modules = (module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return sorted(
        name
        for name in modules
        if name != "__main__" and "\nNAME = " in (FOLDER / f"{name}.py").read_text("utf-8")
    )


def measure(name: str, *, short: bool) -> int:
    """Run one bench and print its line; return the exit code."""
    try:
        line: dict[str, Any] = importlib.import_module(f"tests.bench.{name}").run(short=short)
    except Exception:  # noqa: BLE001  # whatever it is, it is reported
        traceback.print_exc()
        return BROKEN
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return PASSED if line["ok"] else FAILED


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="The figures of lib-rdv.")
    parser.add_argument("bench", nargs="?", help="one of: " + ", ".join(names()))
    parser.add_argument("--short", action="store_true", help="fewer rounds")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["LIBRDV_TESTING"] = "1"
    if asked.bench is None:
        more = ["--short"] if asked.short else []
        commands = [[sys.executable, "-m", "tests.bench", name, *more] for name in names()]
        codes = [subprocess.run(each, cwd=ROOT, check=False).returncode for each in commands]
        return max(codes, default=FAILED)
    if asked.bench not in names():
        print(f"No bench {asked.bench!r}: there are {', '.join(names())}.", file=sys.stderr)
        return UNKNOWN
    with services():
        return measure(asked.bench, short=asked.short)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except embedded.ServicesUnavailable as unavailable:
        print(unavailable, file=sys.stderr)
        sys.exit(BROKEN)
