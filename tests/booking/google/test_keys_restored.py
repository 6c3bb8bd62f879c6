"""A disconnected account stays unreadable in a restored backup, and the erasure ledger deletes its row again."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from booking.google import authorization, disconnection, oauth
from booking.google.oauth import Grant
from booking.models import GoogleAccount
from booking.rules import kinds
from config.devtools import processes
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside, tenant_unit
from tests.conftest import ROOT, SCHEMA_POOL, add_tenant, ensure_key, owner_cursor, remove_tenant
from tests.databases import drop_database
from tests.factories import NOW, Cabinet, make_practitioner
from tests.tenants.backup.test_restore import Run, in_database, new_database

REPLAYED, KEYLESS, UNREPLAYED = "librdv_left", "librdv_left_keyless", "librdv_left_unreplayed"

READ_TOKENS = """
import json, sys
import django
django.setup()
from booking.models import GoogleAccount
from booking.google.accounts import open_secret
from tenants.keyring.errors import UnreadableError
from tenants.schema import inside, tenant_unit
found = {}
with inside(tenant_unit(sys.argv[1])):
    for account in GoogleAccount.objects.select_related("data_key", "practitioner"):
        try:
            found[account.practitioner.name] = open_secret(account).refresh_token
        except UnreadableError:
            found[account.practitioner.name] = ""
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def run(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """Link two practitioners, back up, disconnect one while Google does not respond, restore in three ways."""
    folder = tmp_path_factory.mktemp("backups")
    environment = {
        "BACKUP_DIR": str(folder / "main"),
        "KEY_BACKUP_DIR": str(folder / "keys"),
        "ERASURE_LEDGER": str(folder / "erasures.ledger"),
        "LIBRDV_BACKUP_KEY": base64.b64encode(b"b" * 32).decode(),
    }
    unit = tenant_unit("t_left")
    databases = (REPLAYED, KEYLESS, UNREPLAYED)
    with owner_cursor() as cursor:
        SCHEMA_POOL.drop_schemas(cursor)
        remove_tenant(cursor, schema=unit.schema)
        add_tenant(cursor, schema=unit.schema, host="left.lib-rdv.localhost")
    made = Run(unit, folder, environment)
    for name in databases:
        new_database(name)
    with django_db_blocker.unblock():
        ensure_key(unit)
        left = link_two(unit)
        made.back_up()
        closed = f"http://127.0.0.1:{processes.free_port()}/"
        outbound = {"google_calendar": closed, "google_oauth": closed}
        with override_settings(ERASURE_LEDGER=environment["ERASURE_LEDGER"], OUTBOUND=outbound):
            disconnect(unit, left)
    made.with_keys = made.restore(REPLAYED)
    made.without_keys = made.restore(KEYLESS, keys=False)
    unreplayed = made.restore(UNREPLAYED, "--without-ledger", ERASURE_LEDGER=str(folder / "none"))
    assert unreplayed.returncode == 0
    yield made
    for name in databases:
        drop_database(os.environ["OWNER_DATABASE_URL"], name)
    with owner_cursor() as cursor:
        remove_tenant(cursor, schema=unit.schema)


def link_two(unit: Unit) -> GoogleAccount:
    """Link two practitioners; return the account that will be disconnected."""
    with inside(unit):
        people = [Cabinet().practitioner, make_practitioner("Restée")]
        people[0].name = "Partie"
        people[0].save(update_fields=["name"])
        accounts = [
            authorization.save_account(
                practitioner=person,
                user_id=0,
                grant=Grant(
                    refresh_token=f"1//{person.name}",
                    access_token="ya29.fictitious",
                    expires_at=NOW + timedelta(hours=1),
                    scopes=frozenset({oauth.WRITE}),
                    subject=person.name,
                    is_workspace=False,
                ),
                now=NOW,
            )
            for person in people
        ]
        return accounts[0]


def disconnect(unit: Unit, account: GoogleAccount) -> None:
    """Disconnect an account as its page and a worker do."""
    with inside(unit):
        disconnection.disconnect(
            account=account, on_disconnect=GoogleAccount.OnDisconnect.KEEP, actor="user:1", now=NOW
        )
        (ref,) = OutboxEntry.objects.filter(kind=kinds.CALENDAR_DISCONNECT).values_list(
            "ref", flat=True
        )
    outcome = deliver_entry(unit=unit, ref=ref, now=NOW, clock=lambda: NOW)
    assert outcome is not None
    assert outcome.reason == "not_revoked"


def tokens(run: Run, database: str) -> dict[str, str]:
    """Return what the application itself reads in a database, by practitioner."""
    environment = dict(os.environ) | run.environment
    if database:
        environment["DATABASE_URL"] = in_database(os.environ["DATABASE_URL"], database)
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ_TOKENS, run.unit.schema],
        cwd=ROOT,
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, str] = json.loads(done.stdout)
    return read


def test_in_the_live_database_the_link_is_gone(run: Run) -> None:
    assert tokens(run, "") == {"Restée": "1//Restée"}


def test_with_its_keys_and_the_ledger_a_backup_brings_back_no_ended_link(run: Run) -> None:
    assert run.with_keys.returncode == 0, run.with_keys.stderr
    assert "1 erased again" in run.with_keys.stdout
    assert tokens(run, REPLAYED) == {"Restée": "1//Restée"}


def test_without_its_keys_a_backup_holds_noise_for_tokens(run: Run) -> None:
    assert run.without_keys.returncode == 0, run.without_keys.stderr
    assert tokens(run, KEYLESS) == {"Restée": ""}


def test_it_is_the_ledger_that_keeps_an_ended_link_away(run: Run) -> None:
    assert tokens(run, UNREPLAYED) == {"Partie": "1//Partie", "Restée": "1//Restée"}
