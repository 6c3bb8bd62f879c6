"""Which program made a backup: its version and commit, and the migrations that its tables have."""

import hashlib
import tomllib
from pathlib import Path

from django.conf import settings
from django.db.migrations.loader import MigrationLoader

UNKNOWN = "unknown"


def migrations_digest() -> str:
    """Return SHA-256 of the names of all migrations on disk: a backup is restored by the same ones only."""
    names = sorted(f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def program_version() -> str:
    """Return the version and the commit of the running program, for people: ``0.2.0, commit 1a2b...``."""
    with (Path(settings.BASE_DIR) / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    return f"{version}, commit {commit_of(Path(settings.BASE_DIR))}"


def commit_of(root: Path) -> str:
    """Return the commit that is checked out, ``unknown`` without a repository.

    Read from the files: ``git`` refuses a repository that belongs to another user.
    """
    try:
        head = (root / ".git" / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        loose = root / ".git" / name
        if loose.exists():
            return loose.read_text("utf-8").strip()
        packed = (root / ".git" / "packed-refs").read_text("utf-8").splitlines()
        return next(line.split()[0] for line in packed if line.endswith(f" {name}"))
    except (OSError, StopIteration):
        return UNKNOWN
