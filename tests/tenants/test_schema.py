"""The unit of work and the isolation boundary of the database."""

import contextlib
import threading

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from tenants.database.base import OutsideUnitError, SilentRollbackError
from tenants.schema import PUBLIC, ROUTER, SWEEPER, Unit, WrongUnitError, inside, tenant_unit
from tests.conftest import TENANT_ONE, TENANT_TWO


def query(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_inside_a_tenant_role_and_path_are_the_tenants(tenant: Unit) -> None:
    assert query("SELECT current_user") == tenant.role
    assert query("SHOW search_path") == tenant.schema


def test_no_statement_runs_outside_a_unit(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), pytest.raises(OutsideUnitError):
        query("SELECT 1")


def test_a_transaction_without_a_unit_has_no_right(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), transaction.atomic(), pytest.raises(OutsideUnitError):
        query("SELECT 1")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM t_two.booking_appointment",
        "SELECT count(*) FROM public.tenants_tenant",
        "SELECT count(*) FROM public.accounts_user",
        "DROP TABLE booking_appointment",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
        "TRUNCATE booking_appointment",
        "UPDATE audit_auditevent SET verb = ''",
        "DELETE FROM audit_auditevent",
        "DELETE FROM audit_receipt",
        "DELETE FROM django_migrations",
        "UPDATE booking_extrafield SET label = ''",
        "DELETE FROM booking_formversion",
    ],
)
def test_a_tenants_role_is_refused(tenant: Unit, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
    ):
        query(statement)


@pytest.mark.parametrize(
    ("unit", "statement"),
    [
        (ROUTER, "SELECT count(*) FROM public.accounts_user"),
        (ROUTER, "SELECT count(*) FROM t_one.booking_appointment"),
        (PUBLIC, "SELECT count(*) FROM t_one.booking_appointment"),
        (SWEEPER, "SELECT sealed FROM t_one.booking_patientcontact"),
        (SWEEPER, "SELECT count(*) FROM t_one.keyring_datakey"),
        (SWEEPER, "DELETE FROM t_one.outbox_outboxentry"),
    ],
)
def test_the_other_roles_are_refused(public: Unit, unit: Unit, statement: str) -> None:
    with (
        inside(unit),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
    ):
        query(statement)


def test_the_login_role_alone_reads_nothing(public: Unit) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        with pytest.raises(DatabaseError, match="permission denied"):
            cursor.execute("SELECT count(*) FROM public.tenants_tenant")
        transaction.set_rollback(True)


def test_another_unit_is_refused_inside_a_unit(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    with (
        django_db_blocker.unblock(),
        inside(TENANT_ONE),
        pytest.raises(WrongUnitError),
        inside(TENANT_TWO),
    ):
        pass


def test_a_thread_has_no_tenant(tenant: Unit) -> None:
    caught: list[Exception] = []

    def work() -> None:
        try:
            query("SELECT 1")
        except Exception as error:  # noqa: BLE001  # the test looks at whatever came
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert [type(error) for error in caught] == [OutsideUnitError]


def test_a_failed_statement_cannot_be_committed_silently(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    def careless_work() -> None:
        with (
            inside(TENANT_ONE),
            connection.connection.cursor() as raw,
            contextlib.suppress(psycopg2.Error),
        ):
            raw.execute("SELECT * FROM nowhere")

    with django_db_blocker.unblock(), pytest.raises(SilentRollbackError):
        careless_work()


def test_a_rollback_to_a_savepoint_keeps_the_role(tenant: Unit) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        query("SELECT * FROM nowhere")

    assert query("SELECT current_user") == tenant.role


@pytest.mark.parametrize(
    "name", ["public", "T_x", "t_", 't_a"; DROP', "t_a b", "x_1", "t_" + "a" * 60]
)
def test_only_tenant_schema_names_make_a_tenant_unit(name: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        tenant_unit(name)
