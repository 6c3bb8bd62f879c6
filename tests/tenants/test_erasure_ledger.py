"""The erasure ledger: outside the database, synced, shared by processes, without personal data."""

import json
import multiprocessing
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import transaction

from tenants import append_only, erasure_ledger
from tenants.schema import Unit, WrongUnitError
from tests.conftest import TENANT_ONE, TENANT_TWO

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
TABLE = "booking_patientcontact"
REF = uuid.UUID(int=7)


def hash_of(ref: uuid.UUID, unit: Unit = TENANT_ONE) -> str:
    return erasure_ledger.ref_hash(schema=unit.schema, table=TABLE, ref=ref)


def test_a_line_holds_schema_table_hash_and_instant_only(tenant: Unit, ledger_file: Path) -> None:
    erasure_ledger.append(table=TABLE, ref=REF, now=NOW)

    assert json.loads(ledger_file.read_text()) == {
        "schema": TENANT_ONE.schema,
        "table": TABLE,
        "ref": hash_of(REF),
        "at": "2026-11-10T09:40:00+00:00",
    }
    assert REF.hex not in ledger_file.read_text()
    assert str(REF) not in ledger_file.read_text()


def test_written_values_are_read_back(tenant: Unit) -> None:
    refs = [uuid.UUID(int=number) for number in range(3)]

    erasure_ledger.append_many(table=TABLE, refs=refs, now=NOW)

    assert [line.ref_hash for line in erasure_ledger.read()] == [hash_of(ref) for ref in refs]
    assert erasure_ledger.erased_hashes() == {
        (TENANT_ONE.schema, TABLE): {hash_of(ref) for ref in refs}
    }


def test_the_hash_of_a_ref_differs_by_schema_and_table() -> None:
    assert hash_of(REF) != hash_of(REF, TENANT_TWO)


def test_a_line_remains_after_the_rollback_of_its_transaction(tenant: Unit) -> None:
    with transaction.atomic():
        erasure_ledger.append(table=TABLE, ref=REF, now=NOW)
        transaction.set_rollback(True)

    assert len(list(erasure_ledger.read())) == 1


def test_the_file_and_its_folder_are_synced(
    tenant: Unit, monkeypatch: pytest.MonkeyPatch, ledger_file: Path
) -> None:
    synced: list[str] = []
    really = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    erasure_ledger.append(table=TABLE, ref=REF, now=NOW)
    erasure_ledger.append_many(table=TABLE, refs=[REF, REF, REF], now=NOW)

    assert synced == [ledger_file.name, ledger_file.parent.name, ledger_file.name]


def test_an_empty_list_writes_no_line(tenant: Unit, ledger_file: Path) -> None:
    erasure_ledger.append_many(table=TABLE, refs=[], now=NOW)

    assert not ledger_file.exists()
    assert list(erasure_ledger.read()) == []


def test_the_file_is_readable_by_its_owner_only(tenant: Unit, ledger_file: Path) -> None:
    erasure_ledger.append(table=TABLE, ref=REF, now=NOW)

    assert ledger_file.stat().st_mode & 0o777 == 0o600


def test_a_line_truncated_by_a_crash_does_not_affect_others(
    tenant: Unit, ledger_file: Path
) -> None:
    erasure_ledger.append(table=TABLE, ref=REF, now=NOW)
    with ledger_file.open("a") as file:
        file.write('{"schema":"t_one","tab')

    erasure_ledger.append(table=TABLE, ref=uuid.UUID(int=8), now=NOW)

    assert [line.ref_hash for line in erasure_ledger.read()] == [
        hash_of(REF),
        hash_of(uuid.UUID(int=8)),
    ]


def test_no_line_is_written_outside_a_unit(ledger_file: Path) -> None:
    with pytest.raises(WrongUnitError):
        erasure_ledger.append(table=TABLE, ref=REF, now=NOW)

    assert not ledger_file.exists()


def _write_lines(path: Path, count: int) -> None:
    for _ in range(count):
        append_only.append(path, b"x" * 6_000 + b"\n")


def test_concurrent_processes_do_not_mix_their_lines(ledger_file: Path) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write_lines, args=(ledger_file, 50)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    lines = ledger_file.read_bytes().splitlines()
    assert len(lines) == 200
    assert set(lines) == {b"x" * 6_000}
