"""A practice reads its own invoices and nothing of another one's (ADR 84)."""

import pytest
from django.db import DatabaseError, connection, transaction

from billing.invoicing.models import Invoice, InvoiceFile
from billing.invoicing.practice_queries import own_file, own_invoices
from tenants.models import Tenant
from tenants.schema import PUBLIC, SWEEPER, Unit, inside
from tests.conftest import TENANT_ONE, TENANT_TWO, owner_cursor
from tests.ledger import issue_draft, make_buyer, make_draft, open_ledger

VIEWS = (
    "client_identity",
    "invoices",
    "invoice_files",
    "subscription",
    "subscription_items",
    "orders",
    "order_files",
)


@pytest.fixture
def invoices(public: Unit) -> dict[str, Invoice]:
    """An invoice of each of two practices, by schema."""
    open_ledger()
    made = {}
    for unit in (TENANT_ONE, TENANT_TWO):
        tenant = Tenant.objects.get(schema_name=unit.schema)
        made[unit.schema] = issue_draft(make_draft(make_buyer(tenant=tenant)))
    return made


@pytest.mark.parametrize("unit", [TENANT_ONE, TENANT_TWO], ids=lambda unit: unit.schema)
def test_a_practice_sees_its_own_invoices_only(invoices: dict[str, Invoice], unit: Unit) -> None:
    other = TENANT_TWO if unit == TENANT_ONE else TENANT_ONE

    with inside(unit):
        [seen] = own_invoices()
        own = own_file(seen.ref, InvoiceFile.Kind.PDF)
        foreign = own_file(invoices[other.schema].ref, InvoiceFile.Kind.PDF)

    assert seen.number == invoices[unit.schema].number
    assert seen.balance == invoices[unit.schema].gross
    assert own is not None
    assert own[0] == seen.number
    assert own[1].startswith(b"%PDF")
    assert foreign is None


def test_a_condition_of_the_reader_meets_no_row_of_another_practice(
    invoices: dict[str, Invoice],
) -> None:
    """Without the barrier the division would be evaluated on the other practice's row, and its error show it."""
    foreign = invoices[TENANT_TWO.schema].number

    with inside(TENANT_ONE), connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM for_tenants.invoices WHERE 1 / (CASE WHEN number = %s THEN 0 ELSE 1 END) = 1",
            [foreign],
        )
        assert cursor.fetchall() == [(invoices[TENANT_ONE.schema].number,)]


def test_every_view_has_the_barrier(django_db_setup: None) -> None:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'for_tenants'::regnamespace"
        )
        found = dict(cursor.fetchall())

    assert found == {view: ["security_barrier=true"] for view in VIEWS}


@pytest.mark.parametrize("view", VIEWS)
def test_the_views_are_readable_by_the_group_of_tenants_alone(
    django_db_setup: None, view: str
) -> None:
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT grantee::regrole::text, privilege_type FROM aclexplode((SELECT relacl FROM pg_class"
            " WHERE oid = %s::regclass)) WHERE grantee <> current_user::regrole",
            [f"for_tenants.{view}"],
        )
        assert cursor.fetchall() == [("librdv_tenants", "SELECT")]


@pytest.mark.parametrize("unit", [PUBLIC, SWEEPER], ids=lambda unit: unit.role)
def test_other_roles_read_no_view(public: Unit, unit: Unit) -> None:
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        inside(unit),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1 FROM for_tenants.invoices")


@pytest.mark.parametrize(
    "statement", ["DELETE FROM {}", "UPDATE {} SET number = ''", "INSERT INTO {} DEFAULT VALUES"]
)
def test_a_practice_writes_through_no_view(tenant: Unit, statement: str) -> None:
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("for_tenants.invoices"))
