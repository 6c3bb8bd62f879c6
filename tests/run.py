"""`make check`, `make test`, `make guards`: runs groups of jobs and prints one closing line.

    python -m tests.run [GROUP ...]     groups of jobs, one after the other: check, tests, guards
    python -m tests.run format          formats Python and templates
    python -m tests.run template        writes the template of a practice's schema (`make migrations`)
    python -m tests.run migrations      compares models, migrations and template

All jobs of a group come to their end; the next group starts only when all of them have passed. The last line is
`N passed, N failed`, and `, N skipped` when tests were skipped. Other arguments are those of pytest.
"""

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.devtools import embedded
from tests.databases import dump_shared_tables
from tests.jobs import Job, JobResult, run_jobs, summary
from tests.plugin import PARTS, UNIT
from tests.proofs.__main__ import names

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOCAL = {"LIBRDV_TESTING": "1"}
MOST_AT_ONCE = 4
LONGEST_PROOFS = ("google", "sentinel")
"""They start first, so that the run does not wait for them at its end."""


def tool(name: str, *arguments: str) -> list[str]:
    """Return the command of a program of the virtual environment."""
    return [str(BIN / name), *arguments]


def pages() -> list[str]:
    """Return the path of each HTML template."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("templates/**/*.html"))


def pytest(seed: str, part: str) -> list[str]:
    """Return the command that runs one part of the suite (`tests.plugin`)."""
    return [sys.executable, "-m", "pytest", "--quiet", seed, "--part", part]


def check_jobs(seed: str) -> list[Job]:
    """Return the jobs that need no server."""
    tests_too = ("--exclude", r"\.(venv|cache|git)", "--non-dev-dependency-groups", "embedded,test")
    return [
        Job("unit tests", pytest(seed, UNIT)),
        Job("types", tool("mypy", ".")),
        Job("format", tool("ruff", "format", "--check", "--quiet", ".")),
        Job("lint", tool("ruff", "check", "--quiet", ".")),
        Job("import contracts", tool("lint-imports", "--no-cache")),
        Job("template tags", tool("djade", "--check", *pages())),
        Job("template HTML", tool("djlint", "--lint", "--quiet", "templates")),
        Job("template rules", [sys.executable, "-m", "config.devtools.template_check"]),
        Job("dependencies", tool("deptry", ".")),
        Job("dependencies of tests", tool("deptry", ".", *tests_too)),
    ]


def test_jobs(seed: str) -> list[Job]:
    """Return the jobs that need servers: migrations, the parts of the suite, each proof in its short form."""
    return [
        Job("migrations", [sys.executable, "-m", "tests.run", "migrations"]),
        *(Job(part, pytest(seed, part)) for part in PARTS),
        *(Job(f"proof {name}", pytest(seed, f"proof {name}")) for name in _longest_first()),
    ]


def guard_jobs(seed: str) -> list[Job]:
    """Return one job for each proof: it must fail without each of its guards."""
    return [Job(f"guards {name}", pytest(seed, f"guards {name}")) for name in _longest_first()]


def _longest_first() -> list[str]:
    return sorted(names(), key=lambda name: (name not in LONGEST_PROOFS, name))


GROUPS: dict[str, Callable[[str], list[Job]]] = {
    "check": check_jobs,
    "tests": test_jobs,
    "guards": guard_jobs,
}


def at_once() -> int:
    """Return how many jobs run at a time: one more than there are cores, because each of them often waits.

    With servers of the environment one at a time: the roles of a cluster are shared by its databases.
    """
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        return 1
    return min((os.cpu_count() or 1) + 1, MOST_AT_ONCE)


def run_groups(groups: Sequence[str]) -> int:
    """Run groups of jobs; return the highest exit code."""
    # With this argument pytest repeats the order of the tests.
    seed = f"--randomly-seed={random.randrange(1 << 32)}"
    print(f"pytest {seed}", flush=True)
    results: list[JobResult] = []
    with tempfile.TemporaryDirectory(prefix="jobs-") as folder:
        for group in groups:
            place = Path(folder) / group
            place.mkdir()
            results += run_jobs(GROUPS[group](seed), at_once=at_once(), folder=place)
            if any(result.code for result in results):
                break
    print(summary(results), flush=True)
    return max(result.code for result in results)


def run(command: list[str], environment: Mapping[str, str] = LOCAL) -> int:
    """Run a command; its output is shown only when it fails."""
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
    """Return the command of a management command."""
    return [sys.executable, "-W", "ignore", "manage.py", *arguments]


def check_migrations() -> int:
    """Check that the migrations match the models, and the template of a schema matches the migrations."""
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
        dump_shared_tables(services)
    return 0


def format_all() -> int:
    """Format Python and templates."""
    subprocess.run(tool("ruff", "check", "--fix", "--quiet", "."), cwd=ROOT, check=False)
    subprocess.run(tool("ruff", "format", "--quiet", "."), cwd=ROOT, check=False)
    subprocess.run(tool("djade", *pages()), cwd=ROOT, check=False, capture_output=True)
    return 0


def main(arguments: list[str]) -> int:
    """Run what the arguments name; return the exit code."""
    commands = {"template": write_template, "format": format_all, "migrations": check_migrations}
    if arguments and set(arguments) <= set(GROUPS):
        return run_groups(arguments)
    if len(arguments) == 1 and arguments[0] in commands:
        return commands[arguments[0]]()
    command = [sys.executable, "-m", "pytest", "--quiet", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
