"""The backup store: complete folders only, deleted after their days."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from booking.models.contact import HARD_LIMIT
from tenants.backup import store
from tenants.backup.sealing import BadBackup
from tenants.backup.store import (
    BACKUP_DAYS,
    KEY_BACKUP_DAYS,
    LedgerMark,
    Manifest,
)

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def put(path: Path, at: datetime) -> str:
    with store.new_folder(path, now=at) as folder:
        (folder / "00000.dump").write_bytes(b"rows")
    return at.strftime(store.STAMP)


def test_backup_retention_fits_in_the_promised_year() -> None:
    assert timedelta(days=365) - KEY_BACKUP_DAYS * DAY - DAY == HARD_LIMIT


@pytest.mark.parametrize("days", [BACKUP_DAYS, KEY_BACKUP_DAYS])
def test_a_backup_is_deleted_after_its_days(tmp_path: Path, days: int) -> None:
    old = put(tmp_path, NOW - days * DAY - timedelta(seconds=1))
    kept = put(tmp_path, NOW - days * DAY)

    assert store.delete_old(tmp_path, days=days, now=NOW) == [old]
    assert [entry.name for entry in tmp_path.iterdir()] == [kept]


def test_a_failed_backup_leaves_no_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with store.new_folder(tmp_path, now=NOW) as folder:
            (folder / "00000.dump").write_bytes(b"half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail()

    assert list(tmp_path.iterdir()) == []


def test_a_partial_backup_is_deleted_after_a_day(tmp_path: Path) -> None:
    left = tmp_path / ((NOW - 2 * DAY).strftime(store.STAMP) + store.PARTIAL)
    left.mkdir()

    assert store.delete_old(tmp_path, days=30, now=NOW) == [left.name]


def test_other_folders_are_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()

    assert store.delete_old(tmp_path, days=0, now=NOW) == []
    assert store.delete_old(tmp_path / "absent", days=0, now=NOW) == []


MANIFEST = Manifest(
    "main",
    NOW.isoformat(),
    {"00000.dump": ["public", "t_one"]},
    digests={"00000.dump": hashlib.sha256(b"rows").hexdigest()},
    program="0.2.0, commit 1a2b",
    migrations="ab" * 32,
    kek_ids=["k1"],
    ledger=LedgerMark(90, "cd" * 32),
)


@pytest.mark.parametrize("key", [None, b"k" * 32])
def test_a_manifest_is_read_as_written(tmp_path: Path, key: bytes | None) -> None:
    store.write_manifest(tmp_path, MANIFEST, key=key)

    assert store.read_manifest(tmp_path, key=key) == MANIFEST
    assert store.is_plain(tmp_path) == (key is None)


@pytest.mark.parametrize("name", [*asdict(MANIFEST), "mac"])
def test_an_altered_manifest_is_refused(tmp_path: Path, name: str) -> None:
    store.write_manifest(tmp_path, MANIFEST, key=b"k" * 32)
    path = tmp_path / store.MANIFEST
    fields = json.loads(path.read_text("utf-8"))
    other = {"files": {}, "digests": {}, "kek_ids": [], "ledger": {"size": 0, "digest": ""}}
    path.write_text(json.dumps(fields | {name: other.get(name, "other")}), "utf-8")

    with pytest.raises(BadBackup, match="altered"):
        store.read_manifest(tmp_path, key=b"k" * 32)


def test_a_manifest_needs_the_key_that_sealed_it(tmp_path: Path) -> None:
    store.write_manifest(tmp_path, MANIFEST, key=b"k" * 32)

    with pytest.raises(BadBackup, match="another key"):
        store.read_manifest(tmp_path, key=b"o" * 32)
    with pytest.raises(BadBackup, match="no key was given"):
        store.read_manifest(tmp_path, key=None)


def test_a_file_of_another_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "00000.dump").write_bytes(b"rows")
    store.check_files(tmp_path, MANIFEST)
    (tmp_path / "00000.dump").write_bytes(b"older rows")
    with pytest.raises(BadBackup, match="not the file"):
        store.check_files(tmp_path, MANIFEST)
    (tmp_path / "00000.dump").unlink()
    with pytest.raises(BadBackup, match="not the file"):
        store.check_files(tmp_path, MANIFEST)
