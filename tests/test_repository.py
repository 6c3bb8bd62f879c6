"""The committed files: no path of a machine, no package index, one database driver, exact locks."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
# Split so that this file does not match the pattern itself.
FOLDERS = ("home", "root", "work", "Users")
MACHINE = re.compile(rf"/(?:{'|'.join(FOLDERS)})/\w")
INDEX = re.compile(r"pypi[.]org|pythonhosted[.]org|index[-]url|/[s]imple/")


def committed() -> list[Path]:
    """Return every text file that git tracks, or every one of a release archive."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listing.stdout.split("\0") if listing.returncode == 0 else []
    found = [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return [path for path in found if b"\0" not in path.read_bytes()[:8192]]


def naming(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in committed()
        for found in [pattern.search(path.read_text("utf-8", "replace"))]
        if found
    ]


def requirements(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9_.-]+)==([^ \\;]+)", text, flags=re.MULTILINE))


def test_git_lists_the_committed_files() -> None:
    assert len(committed()) > 100


def test_no_committed_file_names_a_machine() -> None:
    assert naming(MACHINE) == []


def test_no_committed_file_names_a_package_index() -> None:
    assert naming(INDEX) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_has_hashes(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text("utf-8"))

    bare = [block.splitlines()[0] for block in blocks[1:] if "--hash=sha256:" not in block]

    assert bare == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_exactly_one_database_driver(lock: str) -> None:
    drivers = [name for name in requirements(lock) if name.startswith("psycopg")]

    assert drivers == ["psycopg2-binary"]


def test_production_runs_the_versions_that_were_tested() -> None:
    production, tested = (requirements(lock) for lock in LOCKS)

    assert {name: tested.get(name) for name in production} == production


def test_the_locks_hold_what_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {re.split(r"[\[<>=~; ]", line)[0].lower() for line in project["dependencies"]}

    assert named - set(requirements("requirements.lock")) == set()


def test_pure_parts_import_the_standard_library_only() -> None:
    pure = [
        "booking/rules/opening_hours.py",
        "booking/rules/availability.py",
        "booking/rules/erasure.py",
    ]
    later = ["compliance/rules.py", "billing/amounts.py"]
    imports = re.compile(r"^(?:from|import) ([a-z_]\w*)", flags=re.MULTILINE)

    foreign = [
        f"{name}: {module}"
        for name in pure + [name for name in later if (ROOT / name).exists()]
        for module in imports.findall((ROOT / name).read_text("utf-8"))
        if module not in sys.stdlib_module_names and module != "booking"
    ]

    assert foreign == []
