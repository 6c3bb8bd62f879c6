"""Runs of proofs, each in a process of its own, for the tests of proofs and guards."""

import json
import os
from typing import Any

from tests.proofs.child_process import run_module


def prove(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run ``python -m tests.proofs``; return the exit code, the line of JSON, and the end of the error output."""
    done = run_module("tests.proofs", *arguments, variables=os.environ)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr[-3000:]
