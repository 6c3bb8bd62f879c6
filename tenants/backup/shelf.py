"""Where backups lie and how long: 30 days without keys, 7 days for the keys (B-20). No Django.

A backup is a folder named by its UTC instant. While it is written its name ends in ``.partial``; the
rename at the end is what makes it one.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

BACKUP_DAYS = 30
KEY_BACKUP_DAYS = 7
STAMP = "%Y%m%dT%H%M%S%fZ"
PARTIAL = ".partial"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: file name -> schemas, in the order of loading."""

    holds: str
    at: str
    files: dict[str, list[str]]


@contextmanager
def new_folder(shelf: Path, *, now: datetime) -> Iterator[Path]:
    """Yield the folder of a new backup; it takes its final name only when the block succeeds."""
    final = shelf / now.astimezone(UTC).strftime(STAMP)
    partial = final.with_name(final.name + PARTIAL)
    partial.mkdir(parents=True, mode=0o700)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        raise
    partial.rename(final)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what the folder holds."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read what the folder holds; FileNotFoundError when it is no backup."""
    return Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))


def drop_old(shelf: Path, *, days: int, now: datetime) -> list[str]:
    """Delete the backups older than ``days``, and what was left half-written; return their names."""
    dropped = [name for name in _names(shelf) if _is_old(name, days=days, now=now)]
    for name in dropped:
        shutil.rmtree(shelf / name)
    return dropped


def _names(shelf: Path) -> list[str]:
    return sorted(entry.name for entry in shelf.iterdir()) if shelf.exists() else []


def _is_old(name: str, *, days: int, now: datetime) -> bool:
    written_at = _instant(name.removesuffix(PARTIAL))
    if written_at is None:
        return False
    limit = timedelta(days=1) if name.endswith(PARTIAL) else timedelta(days=days)
    return now - written_at > limit


def _instant(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
