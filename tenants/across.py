"""Reading what stands in many schemas with few queries, as the sweeper: ids, instants, states."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import ProgrammingError, connection

from tenants.schema import SWEEPER, Unit, inside

SCHEMAS_PER_QUERY = 100
log = structlog.get_logger("across")

Part = Callable[[Unit], str]
"""The SELECT of one schema. Its name comes from Unit, which refuses anything but [a-z0-9_]."""


@dataclass
class Found:
    """The rows of all schemas that could be read, each with its unit before them."""

    rows: list[tuple[Unit, tuple[Any, ...]]] = field(default_factory=list)
    unreadable: list[Unit] = field(default_factory=list)
    """Schemas that lack a table, a column or a right: a migration of theirs has failed."""


def read(
    units: Sequence[Unit], part: Part, values: Sequence[Any] = (), *, limit: int | None = None
) -> Found:
    """Ask each schema the same, a hundred of them to a query; ``values`` are bound to every part.

    What cannot be read in one schema hides nothing of the others: it is then asked alone, left out, logged
    and returned. ``limit`` ends the reading once as many rows are found. A database that does not answer
    raises as ever.
    """
    found = Found()
    for group in chunks(units):
        try:
            found.rows += _ask(group, part, values)
        except ProgrammingError:
            for unit in group:
                _ask_alone(unit, part, values, found)
        if limit is not None and len(found.rows) >= limit:
            break
    return found


def chunks(units: Sequence[Unit], size: int = SCHEMAS_PER_QUERY) -> Iterator[Sequence[Unit]]:
    """Cut the schemas into groups that fit in one UNION ALL."""
    for start in range(0, len(units), size):
        yield units[start : start + size]


def _ask_alone(unit: Unit, part: Part, values: Sequence[Any], found: Found) -> None:
    try:
        found.rows += _ask([unit], part, values)
    except ProgrammingError:
        found.unreadable.append(unit)
        # Its traceback says nothing more, and would quote the statement.
        log.error("schema_unreadable", schema=unit.schema)  # noqa: TRY400


def _ask(
    group: Sequence[Unit], part: Part, values: Sequence[Any]
) -> list[tuple[Unit, tuple[Any, ...]]]:
    parts = " UNION ALL ".join(
        f"SELECT {number}, part.* FROM ({part(unit)}) part"  # noqa: S608
        for number, unit in enumerate(group)
    )
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute(parts, [*values] * len(group))
        return [(group[number], tuple(row)) for number, *row in cursor.fetchall()]
