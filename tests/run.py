"""`make test`: every check, cheapest first; stops at the first that fails and times each part.

`python -m tests.run template` writes the template of a practice's schema again (`make migrations`);
`python -m tests.run format` formats what has a formatter.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from config import embedded

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOCAL = {"LIBRDV_TESTING": "1"}


def tool(name: str, *arguments: str) -> list[str]:
    """A program of the environment."""
    return [str(BIN / name), *arguments]


def pages() -> list[str]:
    """Every HTML template."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("templates/**/*.html"))


def checks() -> dict[str, list[str]]:
    """What needs no database, by name."""
    return {
        "format": tool("ruff", "format", "--check", "--quiet", "."),
        "lint": tool("ruff", "check", "--quiet", "."),
        "contracts": tool("lint-imports", "--no-cache"),
        "types": tool("mypy", "."),
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
    return 0


def format_all() -> int:
    """Format Python and templates."""
    subprocess.run(tool("ruff", "check", "--fix", "--quiet", "."), cwd=ROOT, check=False)
    subprocess.run(tool("ruff", "format", "--quiet", "."), cwd=ROOT, check=False)
    subprocess.run(tool("djade", *pages()), cwd=ROOT, check=False, capture_output=True)
    return 0


def test(arguments: list[str]) -> int:
    """Run all of it; pytest has the last word."""
    parts: dict[str, float] = {}
    for name, command in [*checks().items(), ("migrations", None)]:
        started = time.monotonic()
        code = run(command) if command is not None else migrations()
        parts[name] = time.monotonic() - started
        print(f"{name}: {'ok' if code == 0 else 'FAILED'} ({parts[name]:.1f} s)", flush=True)
        if code != 0:
            return code
    sys.stdout.flush()
    # tests.plugin adds these to its list of the slowest parts.
    environment = {**os.environ, "LIBRDV_PARTS": json.dumps(parts)}
    command = [sys.executable, "-m", "pytest", "--quiet", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:] == ["template"]:
        sys.exit(write_template())
    if sys.argv[1:] == ["format"]:
        sys.exit(format_all())
    sys.exit(test(sys.argv[1:]))
