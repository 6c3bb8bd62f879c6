"""The commands ``backup`` and ``restore``: restored rows, unreadable rows, repeated erasures."""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from django.core.management import CommandError
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from booking.models import PatientContact
from booking.patients import contacts
from tenants.backup import dumps, store
from tenants.backup.dumps import DumpServer
from tenants.backup.sealing import BadBackup
from tenants.management.commands import restore
from tenants.schema import Unit, inside, tenant_unit
from tests.conftest import ROOT, SCHEMA_POOL, add_tenant, ensure_key, owner_cursor, remove_tenant
from tests.databases import drop_database, on_server
from tests.factories import NOW, Cabinet, make_appointment, make_person
from tests.ledger import empty_ledger, insert_document
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
        self, database: str, *options: str, keys: bool = True, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Restore the newest backup, with a copy of the ledger: each database continues its own."""
        extra = [*options, *(["--keys", str(newest(self.folder / "keys"))] if keys else [])]
        environment = {"ERASURE_LEDGER": str(self.ledger_of(database))} | environment
        urls = {
            name: in_database(os.environ[name], database)
            for name in ("OWNER_DATABASE_URL", "DATABASE_URL")
        }
        return self.manage(
            "restore", str(newest(self.folder / "main")), *extra, **urls | environment
        )

    def ledger_of(self, database: str) -> Path:
        """Return a copy of the erasure ledger for one database, with the chain heads."""
        original = Path(self.environment["ERASURE_LEDGER"])
        copy = self.folder / f"{database}.ledger"
        if not copy.exists() and original.exists():
            shutil.copy(original, copy)
            recorded = original.with_suffix(".heads")
            if recorded.exists():
                shutil.copytree(recorded, copy.with_suffix(".heads"))
        return copy


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
        insert_document(cursor)
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
        empty_ledger(cursor)


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
    ledger = str(run.ledger_of(RESTORED))
    checked = run.manage("verify_receipts", DATABASE_URL=url, ERASURE_LEDGER=ledger)

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
        f" WHERE table_schema IN ('public', 'for_tenants', '{run.unit.schema}')"
    )
    with owner_cursor() as cursor:
        cursor.execute(rights)
        before = set(cursor.fetchall())

    assert set(rows_of(RESTORED, rights)) == before
    assert rows_of(
        RESTORED, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^librdv_restore_'"
    ) == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT number, encode(hash, 'hex') FROM public.invoicing_invoice",
        "SELECT code, last, encode(head, 'hex') FROM public.invoicing_series ORDER BY code",
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
        "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'for_tenants'::regnamespace ORDER BY 1",
        "SELECT proname, prosecdef, proacl::text FROM pg_proc WHERE proname ~ '^(billing|invoicing)_' ORDER BY 1",
    ],
    ids=["documents", "series", "triggers", "views", "functions"],
)
def test_a_restored_database_has_the_ledger_with_its_protection(run: Run, statement: str) -> None:
    with owner_cursor() as cursor:
        cursor.execute(statement)
        before = cursor.fetchall()

    assert before
    assert rows_of(RESTORED, statement) == before


def test_the_application_cannot_connect_when_the_replay_fails(run: Run) -> None:
    new_database(CLOSED)

    done = run.restore(CLOSED, "--without-ledger", ERASURE_LEDGER=str(run.folder))

    assert done.returncode == 1
    assert "replay_ledger failed: the database stays closed: drop it" in done.stderr
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(in_database(os.environ["DATABASE_URL"], CLOSED))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "does not exist"), (b"", "lacks lines"), (b'{"other":1}' * 40, "lacks lines")],
    ids=["missing", "empty", "another"],
)
def test_a_restore_without_the_ledger_of_the_backup_is_refused(
    run: Run, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """A restore without the ledger would bring the erased back and say that all is well."""
    run.back_up()  # after an erasure: the ledger has a line
    ledger = tmp_path / "erasures.ledger"
    if content is not None:
        ledger.write_bytes(content)
    new_database(CLOSED)

    done = run.restore(CLOSED, ERASURE_LEDGER=str(ledger))

    assert done.returncode == 1
    assert reason in done.stderr
    assert "--without-ledger" in done.stderr
    tables = "SELECT count(*) FROM pg_namespace WHERE nspname = 't_restored'"
    assert rows_of(CLOSED, tables) == [(0,)]
    delete_newest(run)


def test_a_restore_without_the_ledger_is_possible_on_purpose(run: Run, tmp_path: Path) -> None:
    new_database(CLOSED)

    done = run.restore(CLOSED, "--without-ledger", ERASURE_LEDGER=str(tmp_path / "none"))

    assert done.returncode == 0, done.stderr


def test_a_backup_of_keys_has_a_copy_of_the_ledger_and_the_chain_heads(run: Run) -> None:
    recorded = Path(run.environment["ERASURE_LEDGER"]).with_suffix(".heads")
    recorded.mkdir(exist_ok=True)
    (recorded / "t_restored").write_text("{}\n")
    run.back_up()
    copied = newest(run.folder / "keys")

    original = Path(run.environment["ERASURE_LEDGER"])
    assert (copied / original.name).read_bytes() == original.read_bytes()
    assert (copied / recorded.name / "t_restored").read_text() == "{}\n"
    delete_newest(run)
    shutil.rmtree(recorded)


def alter_manifest(run: Run, **fields: object) -> None:
    """Change fields of the newest backup's manifest, authenticated again with its key."""
    key = base64.b64decode(run.environment["LIBRDV_BACKUP_KEY"])
    for name in ("main", "keys"):
        folder = newest(run.folder / name)
        manifest = store.read_manifest(folder, key=key)
        store.write_manifest(folder, replace(manifest, **fields), key=key)  # type: ignore[arg-type]


def delete_newest(run: Run) -> None:
    for name in ("main", "keys"):
        shutil.rmtree(newest(run.folder / name))


def test_a_backup_of_another_version_is_refused_at_once_and_named(run: Run) -> None:
    run.back_up()
    alter_manifest(run, migrations="ab" * 32, program="0.1.9, commit 1a2b3c")
    new_database(CLOSED)

    done = run.restore(CLOSED)

    assert done.returncode == 1
    assert "was made by lib-rdv 0.1.9, commit 1a2b3c" in done.stderr
    # Nothing was loaded, and the application may still connect.
    psycopg2.connect(in_database(os.environ["DATABASE_URL"], CLOSED)).close()
    delete_newest(run)


def test_a_missing_kek_is_found_before_anything_is_loaded(run: Run) -> None:
    run.back_up()
    alter_manifest(run, kek_ids=["k1"])
    new_database(CLOSED)

    done = run.restore(CLOSED)

    assert done.returncode == 1
    assert "LIBRDV_KEKS lacks k1" in done.stderr
    delete_newest(run)


def test_a_kek_of_the_same_name_that_opens_nothing_keeps_the_database_closed(run: Run) -> None:
    new_database(CLOSED)
    wrong = f"demo:{base64.b64encode(b'w' * 32).decode()}"

    done = run.restore(CLOSED, LIBRDV_KEKS=wrong)

    assert done.returncode == 1
    assert "a key does not open" in done.stderr
    assert "the database stays closed" in done.stderr


def test_production_restores_no_files_that_are_not_sealed(run: Run) -> None:
    run.back_up("--plain")
    key = base64.b64decode(run.environment["LIBRDV_BACKUP_KEY"])
    server = DumpServer(url="", programs="", key=key, accepts_plain=False)

    with pytest.raises(CommandError, match="is not sealed"):
        restore._manifest(server, newest(run.folder / "main"), "main")
    plain = next(newest(run.folder / "main").glob("*.dump"))
    with plain.open("rb") as file, pytest.raises(BadBackup, match="not sealed"):
        list(dumps._chunks(file, server))
    delete_newest(run)


def test_an_altered_backup_is_refused(run: Run) -> None:
    run.back_up()
    path = newest(run.folder / "main") / store.MANIFEST
    path.write_text(path.read_text("utf-8").replace('"t_restored"', '"t_other"'), "utf-8")

    done = run.restore(CLOSED)

    assert done.returncode == 1
    assert "the manifest was altered" in done.stderr
    delete_newest(run)


def test_no_password_stands_on_a_command_line(run: Run, tmp_path: Path) -> None:
    """Every user of the machine reads the arguments of every process."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore"):
        real = shutil.which(name, path=os.environ.get("PG_BIN") or None)
        (programs / name).write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/seen\nexec {real} "$@"\n')
        (programs / name).chmod(0o700)
    url = urlsplit(os.environ["OWNER_DATABASE_URL"])
    netloc = f"{url.username}:{url.password or 'Geheim7'}@{url.netloc.rpartition('@')[2]}"
    owner = {"PG_BIN": str(programs), "OWNER_DATABASE_URL": urlunsplit(url._replace(netloc=netloc))}

    done = run.manage("backup", **owner)
    assert done.returncode == 0, done.stderr
    new_database(CLOSED)
    url_of_closed = in_database(owner["OWNER_DATABASE_URL"], CLOSED)
    done = run.restore(CLOSED, PG_BIN=str(programs), OWNER_DATABASE_URL=url_of_closed)
    assert done.returncode == 0, done.stderr

    seen = (tmp_path / "seen").read_text()
    assert len(seen.splitlines()) >= 4
    assert (url.password or "Geheim7") not in seen
    delete_newest(run)


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
