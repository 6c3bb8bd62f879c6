"""Heartbeats of the recurring duties."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from billing.invoicing.actors import draft_due_periods, verify_documents
from compliance.retention.actors import erase_all_due
from tenants.audit.actors import seal_all, sign_all_checkpoints
from tenants.heartbeat import Duty, ages, beat
from tenants.outbox.actors import sweep
from tenants.schema import SWEEPER, Unit, inside

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_a_duty_that_never_ran_has_no_age(public: Unit) -> None:
    assert ages(now=NOW) == dict.fromkeys(Duty)


def test_the_age_counts_from_the_last_success(public: Unit) -> None:
    beat(duty=Duty.EXPIRY, now=NOW - timedelta(minutes=9))
    beat(duty=Duty.EXPIRY, now=NOW - timedelta(minutes=4))

    assert ages(now=NOW)[Duty.EXPIRY] == timedelta(minutes=4)


def test_every_duty_of_the_workers_records_a_heartbeat_at_its_end(public: Unit) -> None:
    sweep()
    seal_all()
    erase_all_due()
    sign_all_checkpoints()
    draft_due_periods()
    verify_documents()

    found = ages(now=datetime.now(UTC))
    assert {duty for duty, age in found.items() if age is None} == {Duty.BACKUP}


def test_a_failed_sweep_records_no_heartbeat(public: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
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
