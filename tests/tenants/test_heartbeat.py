"""What the duties of the house leave behind when they succeed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.retention.actors import purge_all
from tenants.heartbeat import Duty, ages, beat
from tenants.outbox.actors import sweep
from tenants.schema import SWEEPER, Unit, inside
from tenants.trail.actors import seal_all

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_a_duty_that_never_ran_has_no_age(public: Unit) -> None:
    assert ages(now=NOW) == dict.fromkeys(Duty)


def test_the_age_counts_from_the_last_success(public: Unit) -> None:
    beat(duty=Duty.PURGE, now=NOW - timedelta(minutes=9))
    beat(duty=Duty.PURGE, now=NOW - timedelta(minutes=4))

    assert ages(now=NOW)[Duty.PURGE] == timedelta(minutes=4)


def test_every_duty_beats_when_it_ends(public: Unit) -> None:
    sweep()
    seal_all()
    purge_all()

    assert None not in ages(now=datetime.now(UTC)).values()


def test_a_sweep_that_fails_does_not_beat(public: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*, now: datetime) -> None:
        raise RuntimeError

    monkeypatch.setattr("tenants.outbox.actors.due_entries", broken)
    with pytest.raises(RuntimeError):
        sweep()

    assert ages(now=NOW)[Duty.SWEEP] is None


def test_the_sweeper_reads_heartbeats_and_writes_none(public: Unit) -> None:
    with (
        inside(SWEEPER),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM public.tenants_heartbeat")
