"""`make test`: every check. The cheap ones first, then types, migrations, tests and proofs in lanes.

It stops at the first check that fails; tests and proofs all come to their end. The last line is always
`N passed, N failed`, and `, N skipped` where something was. With arguments they are pytest's, and it runs alone.
`python -m tests.run template` writes the template of a practice's schema again (`make migrations`),
`format` formats what has a formatter, `migrations` compares models, migrations and template.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from config import embedded
from tests.databases import leave_shared
from tests.lanes import Lane, run_lanes, summary
from tests.plugin import FOLDERS, ORDINARY, PROOFS_FILE
from tests.proofs.__main__ import load, names

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOCAL = {"LIBRDV_TESTING": "1"}
MOST_LANES = 4
LONGEST_PROOF = "sentinel"
"""It searches every store for every marker, once for each guard: begun last it would be waited for."""


def tool(name: str, *arguments: str) -> list[str]:
    """A program of the environment."""
    return [str(BIN / name), *arguments]


def pages() -> list[str]:
    """Every HTML template."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("templates/**/*.html"))


def cheap_checks() -> dict[str, list[str]]:
    """What takes a second, by name."""
    return {
        "format": tool("ruff", "format", "--check", "--quiet", "."),
        "lint": tool("ruff", "check", "--quiet", "."),
        "contracts": tool("lint-imports", "--no-cache"),
        "template tags": tool("djade", "--check", *pages()),
        "template HTML": tool("djlint", "--lint", "--quiet", "templates"),
    }


def run(command: list[str], environment: Mapping[str, str] = LOCAL) -> int:
    """Run a check; its output is shown only when it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout, flush=True)
    return done.returncode


def manage(*arguments: str) -> list[str]:
    """A management command."""
    return [sys.executable, "-W", "ignore", "manage.py", *arguments]


def migrations() -> int:
    """Models and migrations agree, and the template of a schema is made from those migrations."""
    return _with_shared_tables(
        manage("makemigrations", "--check", "--dry-run"), manage("make_template", "--check")
    )


def write_template() -> int:
    """Write the template of a practice's schema."""
    return _with_shared_tables(manage("make_template"))


def _with_shared_tables(*commands: list[str]) -> int:
    with embedded.services() as services:
        environment = {**LOCAL, **services.environment()}
        prepare = [manage("prepare_database"), manage("migrate_shared", "--verbosity=0")]
        for command in [*prepare, *commands]:
            code = run(command, environment)
            if code != 0:
                return code
        leave_shared(services)
    return 0


def format_all() -> int:
    """Format Python and templates."""
    subprocess.run(tool("ruff", "check", "--fix", "--quiet", "."), cwd=ROOT, check=False)
    subprocess.run(tool("ruff", "format", "--quiet", "."), cwd=ROOT, check=False)
    subprocess.run(tool("djade", *pages()), cwd=ROOT, check=False, capture_output=True)
    return 0


def lanes(seed: str) -> list[Lane]:
    """What runs at the same time, in order: what may end it all, what takes long, what may wait."""
    pytest = [sys.executable, "-m", "pytest", "--quiet", seed]
    guarded = sorted(names(), key=lambda name: len(load(name).GUARDS), reverse=True)
    proofs = [LONGEST_PROOF, *(name for name in guarded if name != LONGEST_PROOF)]
    walk = [*pytest, str(PROOFS_FILE), "--part"]
    return [
        Lane("types", tool("mypy", "."), is_check=True),
        Lane("migrations", [sys.executable, "-m", "tests.run", "migrations"], is_check=True),
        *(Lane(part, [*pytest, str(folder), "--part", part]) for part, folder in FOLDERS.items()),
        Lane("other tests", [*pytest, "--part", ORDINARY]),
        *(Lane(f"proof {name}", [*walk, name]) for name in proofs),
    ]


def at_once() -> int:
    """How many lanes run at a time: one more than there are cores, because each of them often waits.

    Servers that the environment names are for one lane at a time: roles belong to the whole cluster.
    """
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        return 1
    return min((os.cpu_count() or 1) + 1, MOST_LANES)


def test() -> int:
    """Run all of it; the exit code is the worst of all."""
    for name, command in cheap_checks().items():
        started = time.monotonic()
        code = run(command)
        seconds = time.monotonic() - started
        print(f"{name}: {'ok' if code == 0 else 'FAILED'} ({seconds:.1f} s)", flush=True)
        if code != 0:
            print("0 passed, 1 failed")
            return code
    # With it, the order of tests in a run that failed can be had again.
    seed = f"--randomly-seed={random.randrange(1 << 32)}"
    print(f"pytest {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="lanes-") as folder:
        outcomes = run_lanes(lanes(seed), at_once=at_once(), folder=Path(folder))
    print(summary(outcomes), flush=True)
    return max(outcome.code for outcome in outcomes)


def main(arguments: list[str]) -> int:
    """Do what was asked for."""
    named = {"template": write_template, "format": format_all, "migrations": migrations}
    if not arguments:
        return test()
    if arguments[0] in named:
        return named[arguments[0]]()
    command = [sys.executable, "-m", "pytest", "--quiet", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
