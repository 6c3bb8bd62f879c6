"""Reading many schemas at once: one that cannot be read hides nothing of the others."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from compliance.retention.due import backlog
from tenants import cross_schema
from tenants.outbox.sweep import due_entries
from tenants.schema import Unit, inside
from tests.conftest import owner_cursor
from tests.factories import NOW, Cabinet, make_appointment

MakeUnit = Callable[[str], Unit]


SIXES = "SELECT 6, count(*) FROM {schema}.outbox_outboxentry"


@pytest.fixture
def three(committed_tenant: MakeUnit) -> list[Unit]:
    return [committed_tenant(name) for name in ("first", "broken", "last")]


def break_it(unit: Unit, table: str = "outbox_outboxentry") -> None:
    with owner_cursor() as cursor:
        cursor.execute(f"DROP TABLE {unit.schema}.{table} CASCADE")


def test_one_statement_reads_all_schemas(three: list[Unit]) -> None:
    with CaptureQueriesContext(connection) as captured:
        found = cross_schema.read(three, SIXES)

    assert [unit for unit, _row in found.rows] == three
    assert [row for _unit, row in found.rows] == [(6, 0)] * 3
    assert found.unreadable == []
    assert sum("UNION ALL" in query["sql"] for query in captured) == 1


@pytest.mark.parametrize(
    "how",
    [
        "DROP TABLE {0}.outbox_outboxentry CASCADE",
        "ALTER TABLE {0}.outbox_outboxentry DROP COLUMN id CASCADE",
        "REVOKE ALL ON {0}.outbox_outboxentry FROM librdv_sweeper",
    ],
)
def test_an_unreadable_schema_is_returned_and_the_others_are_read(
    three: list[Unit], how: str
) -> None:
    with owner_cursor() as cursor:
        cursor.execute(how.format(three[1].schema))

    found = cross_schema.read(three, "SELECT count(id) FROM {schema}.outbox_outboxentry")

    assert [unit for unit, _row in found.rows] == [three[0], three[2]]
    assert found.unreadable == [three[1]]


def test_an_unavailable_database_raises_its_error(
    three: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_arguments: object) -> None:
        raise OperationalError

    monkeypatch.setattr(cross_schema, "_query", lost)

    with pytest.raises(OperationalError):
        cross_schema.read(three, SIXES)


def test_an_unreadable_schema_hides_no_row_of_others(three: list[Unit]) -> None:
    with inside(three[2]):
        make_appointment(Cabinet(), NOW + timedelta(days=2))
    for table in ("booking_waitingentry", "outbox_outboxentry"):
        break_it(three[1], table)

    assert [entry.unit for entry in backlog(until=NOW + timedelta(days=30))] == [three[2]]
    due = due_entries(now=NOW)
    assert [(schema, kind) for schema, _ref, kind in due] == [
        (three[2].schema, "booking.confirmation")
    ]
