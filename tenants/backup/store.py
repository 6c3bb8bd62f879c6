"""The backup store: main backups are kept for 30 days, backups of keys for 7 days (B-20). Imports no Django.

A backup is a folder named by its UTC instant. An unfinished backup has the suffix ``.partial``, which a
rename removes at the end.
"""

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tenants.backup import sealing
from tenants.backup.sealing import BadBackup

BACKUP_DAYS = 30
KEY_BACKUP_DAYS = 7
STAMP = "%Y%m%dT%H%M%S%fZ"
PARTIAL = ".partial"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class LedgerMark:
    """How long the erasure ledger was when a backup began, in bytes, and SHA-256 of those bytes."""

    size: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Manifest:
    """The content of a backup: main or keys, its instant (ISO 8601), and file name -> schemas in loading order.

    ``digests`` has SHA-256 of each file, ``program`` names version and commit, ``migrations`` is their digest,
    ``kek_ids`` names the KEKs that wrap the tenants' keys.
    """

    holds: str
    at: str
    files: dict[str, list[str]]
    digests: dict[str, str] = field(default_factory=dict)
    program: str = ""
    migrations: str = ""
    kek_ids: list[str] = field(default_factory=list)
    ledger: LedgerMark = LedgerMark()


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


def write_manifest(folder: Path, manifest: Manifest, *, key: bytes | None) -> None:
    """Write the manifest into the folder of a backup, authenticated when there is a key."""
    fields = asdict(manifest)
    mac = None if key is None else sealing.mac(_canonical(fields), key=key)
    text = json.dumps(fields | {"mac": mac}, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path, *, key: bytes | None) -> Manifest:
    """Read the manifest of a backup and authenticate it.

    A manifest without a code is that of a plain backup; the caller decides whether it accepts one (``is_plain``).
    Raises FileNotFoundError when the folder is no backup, BadBackup when the manifest was altered.
    """
    fields = _fields(folder)
    mac = fields.pop("mac", None)
    if mac is not None:
        if key is None:
            raise BadBackup("this backup is sealed and no key was given")
        if not hmac.compare_digest(str(mac), sealing.mac(_canonical(fields), key=key)):
            raise BadBackup("the manifest was altered, or sealed by another key")
    try:
        return Manifest(**fields | {"ledger": LedgerMark(**fields.get("ledger", {}))})
    except TypeError:
        raise BadBackup("the manifest is not one of a backup") from None


def is_plain(folder: Path) -> bool:
    """Return whether the manifest of the backup carries no code."""
    return _fields(folder).get("mac") is None


def digest_of(path: Path) -> str:
    """Return SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise BadBackup when a file of the backup is missing or not the one of its manifest."""
    for name in manifest.files:
        path = folder / name
        if not path.is_file() or digest_of(path) != manifest.digests.get(name):
            raise BadBackup(f"{name} is not the file of this backup")


def _fields(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


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
