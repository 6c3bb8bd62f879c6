"""Provisioning of a tenant: resumable, in one transaction, with the same schema as migrating."""

import os
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import psycopg2
import pytest
from django.core.management import call_command

from tenants.provisioning import (
    build,
    state_machine,
    template,
)
from tests.conftest import APP_ROLE, TENANT_ONE, owner_cursor, remove_tenant

SCHEMA, NEXT = "t_ordered", "t_ordered_next"


@pytest.fixture
def owner(django_db_setup: None) -> Iterator[Any]:
    with closing(psycopg2.connect(os.environ["OWNER_DATABASE_URL"])) as connection:
        yield connection
    with owner_cursor() as cursor:
        for schema in (SCHEMA, NEXT):
            remove_tenant(cursor, schema=schema)


def order(state: str = "ordered", *, schema: str = SCHEMA) -> None:
    with owner_cursor() as cursor:
        remove_tenant(cursor, schema=schema)
        cursor.execute(
            "INSERT INTO public.tenants_tenant (ref, schema_name, name, state, schema_version, last_error,"
            " suspended_reason, profession, time_zone, territory, owner_email, owner_name,"
            " attestation_text_version, created_at)"
            " VALUES (gen_random_uuid(), %s, '', %s, '', '', '', '', '', '', '', '', '', now())",
            [schema, state],
        )


def state_of_order(schema: str = SCHEMA) -> tuple[str, str, str]:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT state, schema_version, last_error FROM public.tenants_tenant WHERE schema_name = %s",
            [schema],
        )
        return tuple(cursor.fetchone())


def steps_of_order() -> list[tuple[str, str]]:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT s.name, s.error FROM public.tenants_provisioningstep s"
            " JOIN public.tenants_tenant t ON t.id = s.tenant_id WHERE t.schema_name = %s ORDER BY s.id",
            [SCHEMA],
        )
        return [tuple(row) for row in cursor.fetchall()]


def exists(schema: str) -> tuple[bool, bool]:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT to_regnamespace(%s) IS NOT NULL, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)",
            [schema, schema],
        )
        return tuple(cursor.fetchone())


def test_an_ordered_tenant_is_built_with_its_role_and_becomes_ready(owner: Any) -> None:
    order()

    built = state_machine.advance_one(owner, app_role=APP_ROLE)

    assert built is not None
    assert built.schema == SCHEMA
    assert state_of_order() == ("ready", template.CURRENT_VERSION, "")
    assert exists(SCHEMA) == (True, True)
    assert steps_of_order() == [("started", ""), ("built", "")]


def test_provisioning_without_an_order_does_nothing(owner: Any) -> None:
    assert state_machine.advance_one(owner, app_role=APP_ROLE) is None


def test_a_tenant_left_in_provisioning_by_a_crash_is_built(owner: Any) -> None:
    order(state="provisioning")

    state_machine.advance_one(owner, app_role=APP_ROLE)

    assert state_of_order()[0] == "ready"


def test_a_failure_leaves_no_schema_and_no_role_and_keeps_the_order(
    owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order()
    whole = template.statements_for
    monkeypatch.setattr(build, "statements_for", lambda schema: [*whole(schema), "SELECT 1/0;"])

    for _try in range(3):
        with pytest.raises(state_machine.NotBuilt) as failure:
            state_machine.advance_one(owner, app_role=APP_ROLE)
        assert isinstance(failure.value.__cause__, psycopg2.errors.DivisionByZero)

    assert steps_of_order() == [("started", ""), ("failed", "22012")]
    assert exists(SCHEMA) == (False, False)
    assert state_of_order() == ("provisioning", "", "22012")

    monkeypatch.undo()
    state_machine.advance_one(owner, app_role=APP_ROLE)

    assert state_of_order() == ("ready", template.CURRENT_VERSION, "")
    assert steps_of_order() == [("started", ""), ("failed", "22012"), ("built", "")]


class Watched(Exception):  # not an error: the command waits
    """Raised by the test when the command waits."""


def watch() -> None:
    with pytest.raises(Watched):
        call_command("provision", "--watch", stdout=StringIO())


def test_a_tenant_that_cannot_be_built_does_not_block_others(
    owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order()
    order(schema=NEXT)
    whole = template.statements_for
    broken = {SCHEMA: ["SELECT 1/0;"]}
    monkeypatch.setattr(
        build, "statements_for", lambda schema: whole(schema) + broken.get(schema, [])
    )

    def sleep(_seconds: float) -> None:
        raise Watched

    monkeypatch.setattr("tenants.management.commands.provision.time.sleep", sleep)
    watch()

    assert state_of_order() == ("provisioning", "", "22012")
    assert state_of_order(NEXT)[0] == "ready"

    # The obstacle is removed: the next attempt builds the tenant.
    broken.clear()
    watch()
    assert state_of_order()[0] == "ready"


def test_two_provisioners_do_not_build_the_same_tenant(owner: Any) -> None:
    order()
    with closing(psycopg2.connect(os.environ["OWNER_DATABASE_URL"])) as other:
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM public.tenants_tenant WHERE schema_name = %s FOR UPDATE", [SCHEMA]
            )
            assert state_machine.advance_one(owner, app_role=APP_ROLE) is None
        other.rollback()

    assert state_machine.advance_one(owner, app_role=APP_ROLE) is not None


def test_a_tenants_role_owns_nothing_and_inherits_only_the_group(django_db_setup: None) -> None:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_class WHERE relowner = r.oid), r.rolcanlogin, r.rolsuper,"
            " r.rolcreaterole, r.rolbypassrls,"
            " (SELECT array_agg(roleid::regrole::text) FROM pg_auth_members WHERE member = r.oid)"
            " FROM pg_roles r WHERE rolname = %s",
            [TENANT_ONE.role],
        )
        assert cursor.fetchone() == (0, False, False, False, False, [build.TENANTS_GROUP])


def test_the_login_of_the_application_owns_nothing_and_inherits_nothing(
    django_db_setup: None,
) -> None:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT rolinherit, rolsuper, rolcreaterole, rolcreatedb,"
            " (SELECT count(*) FROM pg_class WHERE relowner = r.oid) FROM pg_roles r WHERE rolname = %s",
            [APP_ROLE],
        )
        assert cursor.fetchone() == (False, False, False, False, 0)
        cursor.execute("SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid ="
                       " s.setrole WHERE rolname = %s", [APP_ROLE])  # fmt: skip
        settings = {row[0].partition("=")[0] for row in cursor.fetchall()}
    assert {"jit", "statement_timeout", "lock_timeout"} <= settings


def test_no_foreign_key_leaves_a_schema(django_db_setup: None) -> None:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint c JOIN pg_class a ON a.oid = conrelid JOIN pg_class b"
            " ON b.oid = confrelid WHERE contype = 'f' AND a.relnamespace <> b.relnamespace"
        )
        assert cursor.fetchall() == []
