"""The commands ``backup`` and ``restore``: restored rows, unreadable rows, repeated erasures."""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from booking.models import PatientContact
from booking.patients import contacts
from tenants.schema import Unit, inside, tenant_unit
from tests.conftest import ROOT, SCHEMA_POOL, add_tenant, ensure_key, owner_cursor, remove_tenant
from tests.databases import drop_database, on_server
from tests.factories import NOW, Cabinet, make_appointment, make_person
from tests.proofs.child_process import run_module

RESTORED = "librdv_restored"
MARKER = "Zoé-Témoin"


KEYLESS, CLOSED = "librdv_keyless", "librdv_closed"


@dataclass
class Run:
    """A backup of a practice with two persons, one of them erased afterwards, and two restored databases."""

    unit: Unit
    folder: Path
    environment: dict[str, str]
    with_keys: "subprocess.CompletedProcess[str]" = field(init=False)
    without_keys: "subprocess.CompletedProcess[str]" = field(init=False)

    def manage(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        given = dict(os.environ) | self.environment | environment
        return run_module("manage", *arguments, variables=given)

    def back_up(self, *arguments: str) -> None:
        done = self.manage("backup", *arguments)
        assert done.returncode == 0, done.stderr

    def restore(
        self, database: str, *, keys: bool = True, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        extra = ["--keys", str(newest(self.folder / "keys"))] if keys else []
        urls = {
            name: in_database(os.environ[name], database)
            for name in ("OWNER_DATABASE_URL", "DATABASE_URL")
        }
        return self.manage(
            "restore", str(newest(self.folder / "main")), *extra, **urls | environment
        )


def newest(store: Path) -> Path:
    return max(store.iterdir())


def in_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def rows_of(database: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(in_database(os.environ["OWNER_DATABASE_URL"], database))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
    finally:
        connection.close()


def new_database(name: str) -> None:
    drop_database(os.environ["OWNER_DATABASE_URL"], name)
    on_server(os.environ["OWNER_DATABASE_URL"], f"CREATE DATABASE {name}")


@pytest.fixture(scope="module")
def run(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """Back up, erase one person, restore with keys and without; once for all tests of this module."""
    folder = tmp_path_factory.mktemp("backups")
    environment = {
        "BACKUP_DIR": str(folder / "main"),
        "KEY_BACKUP_DIR": str(folder / "keys"),
        "ERASURE_LEDGER": str(folder / "erasures.ledger"),
        "LIBRDV_BACKUP_KEY": base64.b64encode(b"b" * 32).decode(),
    }
    unit = tenant_unit("t_restored")
    with owner_cursor() as cursor:
        SCHEMA_POOL.drop_schemas(cursor)
        remove_tenant(cursor, schema=unit.schema)
        add_tenant(cursor, schema=unit.schema, host="restored.lib-rdv.localhost")
    run = Run(unit, folder, environment)
    databases = (RESTORED, KEYLESS, CLOSED)
    for name in databases:
        new_database(name)
    with (
        django_db_blocker.unblock(),
        override_settings(ERASURE_LEDGER=environment["ERASURE_LEDGER"]),
    ):
        ensure_key(unit)
        gone = two_people(unit)
        run.back_up()
        with inside(unit):
            contacts.erase(contact=gone, rule="test", now=NOW)
    run.with_keys = run.restore(RESTORED)
    run.without_keys = run.restore(KEYLESS, keys=False)
    yield run
    for name in databases:
        drop_database(os.environ["OWNER_DATABASE_URL"], name)
    with owner_cursor() as cursor:
        remove_tenant(cursor, schema=unit.schema)


def two_people(unit: Unit) -> PatientContact:
    """Book two persons for the day after tomorrow; return the contact that will be erased."""
    with inside(unit):
        cabinet = Cabinet()
        first, _second = (
            make_appointment(
                cabinet,
                NOW + timedelta(days=2, hours=hour),
                person=make_person(first_name=f"{MARKER}-{hour}"),
            )
            for hour in range(2)
        )
        PatientContact.objects.update(erase_at=NOW + timedelta(days=300))
        return PatientContact.objects.select_related("data_key", "appointment").get(
            appointment=first
        )


READ_PERSON = """
import os, sys
import django
django.setup()
from booking.models import PatientContact
from booking.patients import contacts
from tenants.schema import inside, tenant_unit
with inside(tenant_unit(sys.argv[1])):
    found = contacts.open_contacts(PatientContact.objects.select_related("data_key"))
    print(sorted(person.first_name for person in found.values()))
"""


def readable(run: Run, database: str) -> str:
    """Return the persons that the application can read in a restored database."""
    environment = dict(os.environ) | run.environment
    environment |= {
        "DATABASE_URL": in_database(os.environ["DATABASE_URL"], database),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ_PERSON, run.unit.schema],
        cwd=ROOT,
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_backup_with_keys_restores_the_persons_who_were_not_erased(run: Run) -> None:
    assert run.with_keys.returncode == 0, run.with_keys.stderr
    assert "1 erased again" in run.with_keys.stdout
    assert readable(run, RESTORED) == f"['{MARKER}-1']"
    assert rows_of(RESTORED, f"SELECT count(*) FROM {run.unit.schema}.keyring_datakey") == [(1,)]


def test_a_replayed_erasure_has_its_receipt_in_an_intact_chain(run: Run) -> None:
    rules = f"SELECT rule FROM {run.unit.schema}.audit_receipt"
    assert rows_of(RESTORED, rules) == [("S-27 restored",)]

    url = in_database(os.environ["DATABASE_URL"], RESTORED)
    checked = run.manage("verify_receipts", DATABASE_URL=url)

    assert checked.returncode == 0, checked.stdout


def test_a_backup_without_keys_is_unreadable_and_has_no_erased_row(run: Run) -> None:
    assert run.without_keys.returncode == 0, run.without_keys.stderr
    assert readable(run, KEYLESS) == "[]"
    counts = f"SELECT count(*) FROM {run.unit.schema}."
    assert rows_of(KEYLESS, counts + "booking_patientcontact") == [(1,)]
    assert rows_of(KEYLESS, counts + "keyring_datakey") == [(0,)]
    assert rows_of(KEYLESS, counts + "keyring_tenantkey") == [(1,)]


def test_a_restored_database_isolates_the_tenants(run: Run) -> None:
    rights = (
        "SELECT grantee, table_name, privilege_type FROM information_schema.table_privileges"
        f" WHERE table_schema IN ('public', '{run.unit.schema}')"
    )
    with owner_cursor() as cursor:
        cursor.execute(rights)
        before = set(cursor.fetchall())

    assert set(rows_of(RESTORED, rights)) == before
    assert rows_of(
        RESTORED, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^librdv_restore_'"
    ) == [(0,)]


def test_the_application_cannot_connect_when_the_replay_fails(run: Run) -> None:
    new_database(CLOSED)

    done = run.restore(CLOSED, ERASURE_LEDGER=str(run.folder))

    assert done.returncode == 1
    assert "replay_ledger failed" in done.stderr
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(in_database(os.environ["DATABASE_URL"], CLOSED))


def test_files_are_sealed_without_the_option_plain(run: Run) -> None:
    sealed = {path.read_bytes()[:8] for path in run.folder.glob("*/*/*.dump")}
    run.back_up("--plain")
    folders = [newest(run.folder / "main"), newest(run.folder / "keys")]
    plain = {path.read_bytes()[:5] for folder in folders for path in folder.glob("*.dump")}
    for folder in folders:
        shutil.rmtree(folder)

    assert sealed == {b"LRDVBAK1"}
    assert plain == {b"PGDMP"}


@pytest.mark.parametrize(
    ("key", "reason"),
    [(b"o" * 32, "sealed by another key"), (b"", "no key was given")],
)
def test_a_sealed_backup_needs_its_key(run: Run, key: bytes, reason: str) -> None:
    new_database(CLOSED)

    done = run.restore(CLOSED, LIBRDV_BACKUP_KEY=base64.b64encode(key).decode())

    assert done.returncode == 1
    assert reason in done.stderr


def test_a_restore_needs_an_empty_database(run: Run) -> None:
    done = run.restore(RESTORED)

    assert done.returncode == 1
    assert "not empty" in done.stderr


def test_the_two_kinds_of_backup_are_distinguished(run: Run) -> None:
    done = run.manage("restore", str(newest(run.folder / "keys")))

    assert done.returncode == 1
    assert "a backup of keys, not main" in done.stderr
