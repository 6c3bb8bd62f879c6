"""The files outside the database that belong to a backup: the erasure ledger and the recorded chain heads."""

import hashlib
import shutil
from pathlib import Path

from tenants.backup.store import LedgerMark, Manifest

_CHUNK = 1 << 20


class LedgerRefused(Exception):
    """The erasure ledger is missing, or older than the backup: a restore would bring the erased back."""


def mark_of(ledger: Path) -> LedgerMark:
    """Return the length of the ledger and the digest of what it holds; of nothing when it does not exist."""
    size = ledger.stat().st_size if ledger.exists() else 0
    return LedgerMark(size, _digest(ledger, size))


def copy_outside(*, ledger: Path, chain_heads: Path, to: Path) -> None:
    """Copy the ledger and the chain heads into the folder of a backup."""
    if ledger.exists():
        shutil.copy2(ledger, to / ledger.name)
    if chain_heads.is_dir():
        shutil.copytree(chain_heads, to / chain_heads.name)


def check_ledger(ledger: Path, manifest: Manifest) -> None:
    """Raise LedgerRefused unless the ledger exists and continues the one that the backup has seen."""
    if not ledger.is_file():
        raise LedgerRefused(f"the erasure ledger {ledger} does not exist")
    mark = manifest.ledger
    if ledger.stat().st_size < mark.size or _digest(ledger, mark.size) != mark.digest:
        raise LedgerRefused(f"the erasure ledger {ledger} lacks lines that it had at this backup")


def _digest(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    if size:
        with path.open("rb") as file:
            while size and (chunk := file.read(min(size, _CHUNK))):
                digest.update(chunk)
                size -= len(chunk)
    return digest.hexdigest()
