"""The unit of work: one transaction, one schema, one PostgreSQL role (design section 3).

``inside(unit)`` is the only way to reach the database. Outside it the backend returns no cursor, and the
login role of the application has no right on any schema: a missing tenant raises an error and leaks nothing.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import connections, transaction
from django_tenants.postgresql_backend.base import FakeTenant

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_TENANT_SCHEMA = re.compile(r"t_[a-z0-9_]{1,40}")


class WrongUnitError(RuntimeError):
    """``inside()`` was called within another unit, or within a transaction that has no unit."""


@dataclass(frozen=True)
class Unit:
    """A schema and its role; ``statements`` sets both on a transaction in one message to PostgreSQL."""

    schema: str
    role: str
    statements: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for name in (self.schema, self.role):
            if not _NAME.fullmatch(name):
                raise ValueError(name)
        message = f'SET LOCAL ROLE "{self.role}"; SET LOCAL search_path = "{self.schema}"'
        object.__setattr__(self, "statements", message)

    @property
    def is_tenant(self) -> bool:
        """Whether this unit is a tenant's schema under the tenant's own role."""
        return self.schema == self.role


PUBLIC = Unit("public", "librdv_public")
ROUTER = Unit("public", "librdv_router")
SWEEPER = Unit("public", "librdv_sweeper")


def tenant_unit(schema: str) -> Unit:
    """Return the unit of the tenant whose schema is ``t_<hex>``; ValueError for any other name."""
    if not _TENANT_SCHEMA.fullmatch(schema):
        raise ValueError(schema)
    return Unit(schema, schema)


def _connection(using: str) -> Any:
    # Our backend adds unit, may_switch, enter() and run_library_hooks() to Django's wrapper.
    return cast("Any", connections[using])


def current_unit(using: str = "default") -> Unit | None:
    """Return the open unit, or None outside ``inside()``."""
    return cast("Unit | None", _connection(using).unit)


def current_schema(using: str = "default") -> str:
    """Return the schema of the open unit. Raises WrongUnitError outside a unit."""
    unit = current_unit(using)
    if unit is None:
        raise WrongUnitError("no unit of work")
    return unit.schema


@contextmanager
def inside(unit: Unit, using: str = "default") -> Iterator[Unit]:
    """Run the block in one transaction of ``unit``; commit at the end, roll back on an exception.

    A nested call with the same unit opens a savepoint. A nested call with another unit raises WrongUnitError.
    """
    connection = _connection(using)
    before, nested = connection.unit, connection.in_atomic_block
    if before is not None and nested and before != unit and not connection.may_switch:
        raise WrongUnitError(f"inside {before.schema}, requested {unit.schema}")
    if before is None and nested and not connection.may_switch:
        raise WrongUnitError("a transaction is already open without a unit")
    schema_before = connection.schema_name
    memo_before = connection.memo
    if before != unit or not nested:
        connection.memo = {}
    connection.unit = unit
    connection.set_tenant(FakeTenant(unit.schema))
    try:
        with transaction.atomic(using=using):
            if nested and before != unit:
                connection.enter()
            yield unit
            if not nested:
                connection.run_library_hooks()
    finally:
        connection.unit = before
        connection.memo = memo_before
        connection.set_tenant(FakeTenant(schema_before))
        if nested and before is not None and before != unit and not connection.needs_rollback:
            connection.enter()


def unit_memo(using: str = "default") -> dict[Any, Any]:
    """Return a dict that lives as long as the outermost unit: a cache of rows for one transaction."""
    return cast("dict[Any, Any]", _connection(using).memo)


def enqueue_on_commit(enqueue: Callable[..., object], *args: Any) -> None:
    """Call ``enqueue(*args)`` after the outermost commit, outside any unit; a rollback cancels the call.

    ``enqueue`` only sends messages to the broker: ``send`` of an actor, or a function of an ``actors`` module.
    The next sweep or poll replaces a lost message.
    """

    def hook() -> None:
        enqueue(*args)

    hook.runs_after_commit = True  # type: ignore[attr-defined]  # read by run_library_hooks()
    transaction.on_commit(hook)
