"""A clock that runs ahead erases nobody early and sends no reminder early."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from compliance.retention import actors as retention
from tenants import clock
from tenants.outbox import actors as outbox
from tenants.schema import Unit

AHEAD = timedelta(hours=20)


@pytest.fixture
def clock_ahead(public: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the clock of this process, as of a machine without NTP; the database's stays."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime.now(UTC) + AHEAD)


def is_present(moment: datetime) -> bool:
    return abs(moment - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_databases_clock_counts_when_this_one_is_ahead(
    clock_ahead: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert is_present(clock.not_ahead(timezone.now()))

    (line,) = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert line["event"] == "clock_ahead"
    assert abs(line["seconds"] - AHEAD.total_seconds()) < 60


def test_a_clock_behind_or_right_is_kept(public: Unit) -> None:
    now, behind = datetime.now(UTC), datetime.now(UTC) - AHEAD

    assert clock.not_ahead(now) == now
    assert clock.not_ahead(behind) == behind


def test_neither_erasures_nor_messages_are_due_early(
    clock_ahead: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifteen people were erased before their appointment, and reminders left twenty hours early."""
    asked: list[datetime] = []

    def none_due(**arguments: datetime) -> list[object]:
        asked.extend(arguments.values())
        return []

    monkeypatch.setattr(retention, "backlog", none_due)
    monkeypatch.setattr(outbox, "due_entries", none_due)
    retention.erase_all_due()
    outbox.sweep()

    assert len(asked) == 2
    assert all(map(is_present, asked))
