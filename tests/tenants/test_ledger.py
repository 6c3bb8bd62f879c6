"""The erasure ledger: outside the database, synced, shared by processes, and naming nobody."""

import json
import multiprocessing
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import transaction

from tenants import ledger
from tenants.schema import Unit, WrongUnitError
from tests.conftest import ONE, TWO

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
TABLE = "booking_patientcontact"
REF = uuid.UUID(int=7)


def hash_of(ref: uuid.UUID, unit: Unit = ONE) -> str:
    return ledger.ref_hash(schema=unit.schema, table=TABLE, ref=ref)


def test_a_line_says_where_when_and_nothing_else(tenant: Unit, ledger_file: Path) -> None:
    ledger.append(table=TABLE, ref=REF, now=NOW)

    assert json.loads(ledger_file.read_text()) == {
        "schema": ONE.schema,
        "table": TABLE,
        "ref": hash_of(REF),
        "at": "2026-11-10T09:40:00+00:00",
    }
    assert REF.hex not in ledger_file.read_text()
    assert str(REF) not in ledger_file.read_text()


def test_what_is_written_is_read_back(tenant: Unit) -> None:
    refs = [uuid.UUID(int=number) for number in range(3)]

    ledger.append_many(table=TABLE, refs=refs, now=NOW)

    assert [line.ref_hash for line in ledger.read()] == [hash_of(ref) for ref in refs]
    assert ledger.erased_hashes() == {(ONE.schema, TABLE): {hash_of(ref) for ref in refs}}


def test_the_same_ref_has_another_hash_elsewhere() -> None:
    assert hash_of(REF) != hash_of(REF, TWO)


def test_a_line_outlives_the_rollback_of_its_transaction(tenant: Unit) -> None:
    with transaction.atomic():
        ledger.append(table=TABLE, ref=REF, now=NOW)
        transaction.set_rollback(True)

    assert len(list(ledger.read())) == 1


def test_the_file_and_its_folder_are_synced(
    tenant: Unit, monkeypatch: pytest.MonkeyPatch, ledger_file: Path
) -> None:
    synced: list[str] = []
    really = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    ledger.append(table=TABLE, ref=REF, now=NOW)
    ledger.append_many(table=TABLE, refs=[REF, REF, REF], now=NOW)

    assert synced == [ledger_file.name, ledger_file.parent.name, ledger_file.name]


def test_nothing_is_written_for_nobody(tenant: Unit, ledger_file: Path) -> None:
    ledger.append_many(table=TABLE, refs=[], now=NOW)

    assert not ledger_file.exists()
    assert list(ledger.read()) == []


def test_only_the_owner_reads_the_file(tenant: Unit, ledger_file: Path) -> None:
    ledger.append(table=TABLE, ref=REF, now=NOW)

    assert ledger_file.stat().st_mode & 0o777 == 0o600


def test_a_line_torn_by_a_crash_spoils_no_other(tenant: Unit, ledger_file: Path) -> None:
    ledger.append(table=TABLE, ref=REF, now=NOW)
    with ledger_file.open("a") as file:
        file.write('{"schema":"t_one","tab')

    ledger.append(table=TABLE, ref=uuid.UUID(int=8), now=NOW)

    assert [line.ref_hash for line in ledger.read()] == [hash_of(REF), hash_of(uuid.UUID(int=8))]


def test_outside_a_unit_nothing_is_written(ledger_file: Path) -> None:
    with pytest.raises(WrongUnitError):
        ledger.append(table=TABLE, ref=REF, now=NOW)

    assert not ledger_file.exists()


def _write_lines(count: int) -> None:
    for _ in range(count):
        ledger._write(b"x" * 6_000 + b"\n")


def test_processes_that_write_at_once_never_mix_their_lines(ledger_file: Path) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write_lines, args=(50,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    lines = ledger_file.read_bytes().splitlines()
    assert len(lines) == 200
    assert set(lines) == {b"x" * 6_000}
