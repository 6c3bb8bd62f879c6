"""The backup store: main backups are kept for 30 days, backups of keys for 7 days (B-20). Imports no Django.

A backup is a folder named by its UTC instant. An unfinished backup has the suffix ``.partial``, which a
rename removes at the end.
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
    """The content of a backup: main or keys, its instant (ISO 8601), and file name -> schemas in loading order."""

    holds: str
    at: str
    files: dict[str, list[str]]


@contextmanager
def new_folder(store: Path, *, now: datetime) -> Iterator[Path]:
    """Yield the partial folder of a new backup; rename it when the block succeeds, delete it when it fails."""
    final = store / now.astimezone(UTC).strftime(STAMP)
    partial = final.with_name(final.name + PARTIAL)
    partial.mkdir(parents=True, mode=0o700)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        raise
    partial.rename(final)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the folder of a backup."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup. Raises FileNotFoundError when the folder is no backup."""
    return Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))


def delete_old(store: Path, *, days: int, now: datetime) -> list[str]:
    """Delete backups older than ``days`` and partial ones older than a day; return their names."""
    deleted = [name for name in _names(store) if _is_old(name, days=days, now=now)]
    for name in deleted:
        shutil.rmtree(store / name)
    return deleted


def _names(store: Path) -> list[str]:
    return sorted(entry.name for entry in store.iterdir()) if store.exists() else []


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
