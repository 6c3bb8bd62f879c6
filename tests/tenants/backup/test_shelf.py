"""Where backups lie: whole or not at all, and no longer than promised."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from booking.models.contact import HARD_LIMIT
from tenants.backup import shelf
from tenants.backup.shelf import BACKUP_DAYS, KEY_BACKUP_DAYS, Manifest

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def put(path: Path, at: datetime) -> str:
    with shelf.new_folder(path, now=at) as folder:
        (folder / "00000.dump").write_bytes(b"rows")
    return at.strftime(shelf.STAMP)


def test_the_longest_copy_with_keys_is_part_of_the_promised_year() -> None:
    assert timedelta(days=365) - KEY_BACKUP_DAYS * DAY - DAY == HARD_LIMIT


@pytest.mark.parametrize("days", [BACKUP_DAYS, KEY_BACKUP_DAYS])
def test_a_backup_is_dropped_when_its_days_are_over(tmp_path: Path, days: int) -> None:
    old = put(tmp_path, NOW - days * DAY - timedelta(seconds=1))
    kept = put(tmp_path, NOW - days * DAY)

    assert shelf.drop_old(tmp_path, days=days, now=NOW) == [old]
    assert [entry.name for entry in tmp_path.iterdir()] == [kept]


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with shelf.new_folder(tmp_path, now=NOW) as folder:
            (folder / "00000.dump").write_bytes(b"half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail()

    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_half_written_is_dropped_a_day_later(tmp_path: Path) -> None:
    left = tmp_path / ((NOW - 2 * DAY).strftime(shelf.STAMP) + shelf.PARTIAL)
    left.mkdir()

    assert shelf.drop_old(tmp_path, days=30, now=NOW) == [left.name]


def test_what_is_no_backup_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()

    assert shelf.drop_old(tmp_path, days=0, now=NOW) == []
    assert shelf.drop_old(tmp_path / "absent", days=0, now=NOW) == []


def test_a_manifest_is_read_back(tmp_path: Path) -> None:
    manifest = Manifest("main", NOW.isoformat(), {"00000.dump": ["public", "t_one"]})

    shelf.write_manifest(tmp_path, manifest)

    assert shelf.read_manifest(tmp_path) == manifest
