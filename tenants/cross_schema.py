"""Reads rows of many schemas with few queries, as the sweeper: ids, instants and states only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import ProgrammingError, connection

from tenants.schema import SWEEPER, Unit, inside

SCHEMAS_PER_QUERY = 100
log = structlog.get_logger("cross_schema")

SCHEMA = "{schema}"
"""The placeholder for the quoted schema name in a SELECT."""
_PART = "SELECT {number}, part.* FROM ({select}) part"


@dataclass
class Found:
    """The rows of all readable schemas, each with the unit of its schema."""

    rows: list[tuple[Unit, tuple[Any, ...]]] = field(default_factory=list)
    unreadable: list[Unit] = field(default_factory=list)
    """Schemas that lack a table, a column or a right, because a migration has failed."""


def read(
    units: Sequence[Unit], select: str, values: Sequence[Any] = (), *, limit: int | None = None
) -> Found:
    """Run the same SELECT in each schema, with a hundred schemas per query; ``values`` are bound for each.

    ``{schema}`` in ``select`` is replaced by the schema. When a query fails, each of its schemas is read
    separately; unreadable ones are logged and returned. Reading stops after ``limit`` rows. Database errors
    other than ProgrammingError are raised.
    """
    found = Found()
    for group in chunks(units):
        try:
            found.rows += _query(group, select, values)
        except ProgrammingError:
            for unit in group:
                _query_single(unit, select, values, found)
        if limit is not None and len(found.rows) >= limit:
            break
    for unit in found.unreadable:
        # Without the exception, whose traceback would quote the statement.
        log.error("schema_unreadable", schema=unit.schema)
    return found


def of_schema(select: str, unit: Unit) -> str:
    """Return the SELECT for one schema; quoting is safe, since ``Unit`` allows names of [a-z0-9_] only."""
    return select.replace(SCHEMA, f'"{unit.schema}"')


def chunks(units: Sequence[Unit], size: int = SCHEMAS_PER_QUERY) -> Iterator[Sequence[Unit]]:
    """Yield groups of schemas for one UNION ALL each."""
    for start in range(0, len(units), size):
        yield units[start : start + size]


def _query_single(unit: Unit, select: str, values: Sequence[Any], found: Found) -> None:
    try:
        found.rows += _query([unit], select, values)
    except ProgrammingError:
        found.unreadable.append(unit)


def _query(
    group: Sequence[Unit], select: str, values: Sequence[Any]
) -> list[tuple[Unit, tuple[Any, ...]]]:
    parts = (
        _PART.format(number=number, select=of_schema(select, unit))
        for number, unit in enumerate(group)
    )
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), [*values] * len(group))
        return [(group[number], tuple(row)) for number, *row in cursor.fetchall()]
