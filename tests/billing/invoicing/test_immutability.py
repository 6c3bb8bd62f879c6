"""The database refuses changes of issued documents, to the application and to the owner (F-03, F-04, F-20)."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction

from tenants.provisioning import build
from tenants.schema import Unit
from tests.conftest import owner_cursor
from tests.ledger import insert_document

RESTRICT, DENIED = "23001", "42501"
TABLES = (*build.SHARED_APPEND_ONLY, *build.SHARED_MOVE_ONLY)
PREPARED = (
    "invoicing_invoice",
    "invoicing_invoicefile",
    "invoicing_payment",
    "invoicing_allocation",
)


@pytest.fixture
def owner(django_db_setup: None) -> Iterator[Any]:
    """A cursor of the owner's login with one document of each table; all is rolled back."""
    with owner_cursor() as cursor:
        insert_document(cursor)
        yield cursor
        cursor.connection.rollback()


def code_as_owner(cursor: Any, statement: str) -> str | None:
    cursor.execute("SAVEPOINT attempt")
    try:
        cursor.execute(statement)
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO SAVEPOINT attempt")
        return error.pgcode
    cursor.execute("ROLLBACK TO SAVEPOINT attempt")
    return None


def code_as_application(statement: str) -> str | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return str(getattr(error.__cause__, "pgcode", ""))
    return None


def rights(table: str) -> set[str]:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT privilege_type FROM aclexplode((SELECT relacl FROM pg_class"
            " WHERE oid = %s::regclass)) WHERE grantee = 'librdv_public'::regrole",
            [f"public.{table}"],
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize("table", build.SHARED_APPEND_ONLY)
def test_the_application_may_only_read_and_insert(django_db_setup: None, table: str) -> None:
    assert rights(table) == {"SELECT", "INSERT"}


@pytest.mark.parametrize("table", build.SHARED_MOVE_ONLY)
def test_the_application_may_only_read_and_move_a_series(django_db_setup: None, table: str) -> None:
    assert rights(table) == {"SELECT", "UPDATE"}


def test_a_deployment_grants_nothing_more(django_db_setup: None) -> None:
    with owner_cursor() as cursor:
        build.grant_shared(cursor)

    assert rights("invoicing_invoice") == {"SELECT", "INSERT"}
    assert rights("invoicing_series") == {"SELECT", "UPDATE"}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_application_changes_no_row(public: Unit, table: str, statement: str) -> None:
    expected = None if (table, statement[:6]) == ("invoicing_series", "UPDATE") else DENIED

    assert code_as_application(statement.format(table)) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE invoicing_invoice CASCADE",
        "ALTER TABLE invoicing_invoice DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SELECT 1 FROM invoicing_invoice FOR UPDATE",
        "INSERT INTO invoicing_series (code, last, last_on, head) VALUES ('F2099', 5, now(), '')",
    ],
)
def test_the_application_finds_no_way_round(public: Unit, statement: str) -> None:
    assert code_as_application(statement) == DENIED


@pytest.mark.parametrize("table", PREPARED)
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_the_owner_changes_no_document(owner: Any, table: str, statement: str) -> None:
    assert code_as_owner(owner, statement.format(f"public.{table}")) == RESTRICT


@pytest.mark.parametrize(
    "change",
    [
        "last = last + 2, head = sha256('a')",
        "last = last - 1, head = sha256('a')",
        "last = last, head = sha256('a')",
        "last = last + 1",
        "last = last + 1, head = sha256('a'), last_on = last_on - 1",
        "last = last + 1, head = sha256('a'), code = 'F2098'",
    ],
)
def test_a_series_moves_by_one_only(owner: Any, change: str) -> None:
    statement = f"UPDATE public.invoicing_series SET {change} WHERE code = 'F2097'"

    assert code_as_owner(owner, statement) == RESTRICT


def test_a_series_is_not_deleted(owner: Any) -> None:
    statement = "DELETE FROM public.invoicing_series WHERE code = 'A2097'"

    assert code_as_owner(owner, statement) == RESTRICT


def test_a_document_may_be_deleted_when_its_archive_ends(owner: Any) -> None:
    owner.execute("ALTER TABLE public.invoicing_invoice DISABLE TRIGGER USER")
    owner.execute(
        "UPDATE public.invoicing_invoice SET issued_on = '2000-01-01', due_on = '2000-01-01',"
        " archive_until = current_date - 1"
    )
    owner.execute("ALTER TABLE public.invoicing_invoice ENABLE TRIGGER USER")

    for table in reversed(PREPARED):
        assert code_as_owner(owner, f"DELETE FROM public.{table}") in {None, "23503"}
        owner.execute(f"DELETE FROM public.{table}")


@pytest.mark.parametrize(
    "table", ["catalogue_price", "invoicing_sellerprofile", "invoicing_refrate"]
)
def test_settings_of_documents_are_never_changed(owner: Any, table: str) -> None:
    for statement in ("UPDATE public.{} SET id = id", "DELETE FROM public.{}"):
        assert code_as_owner(owner, statement.format(table)) == RESTRICT
