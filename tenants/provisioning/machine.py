"""The state machine of a client's space: ordered -> provisioning -> ready, resumable at any instruction.

Runs with the owner's login, in a process of its own: web and worker processes never have it. What
comes after ``ready`` (first rows, go-live, suspension) is done by services under the application's login.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg2
import structlog
from psycopg2.extensions import connection as Connection  # noqa: N812  # it is a class

from tenants.provisioning.build import build_schema
from tenants.provisioning.template import CURRENT_VERSION

log = structlog.get_logger("provisioning")

_NEXT = (
    "SELECT id, schema_name, state FROM public.tenants_tenant"
    " WHERE state IN ('ordered', 'provisioning') AND id <> ALL(%s) ORDER BY id LIMIT 1"
    " FOR UPDATE SKIP LOCKED"
)


_LAST = (
    "SELECT id, name, error FROM public.tenants_provisioningstep"
    " WHERE tenant_id = %s ORDER BY id DESC LIMIT 1"
)


@dataclass(frozen=True)
class Built:
    """A space that has just been made."""

    tenant_id: int
    schema: str


class NotBuilt(Exception):  # named after what happened
    """A space could not be built: ``tenant_id`` says whose, its cause says why."""

    def __init__(self, tenant_id: int) -> None:
        super().__init__(str(tenant_id))
        self.tenant_id = tenant_id


def advance_one(
    connection: Connection, *, app_role: str, passed_over: Collection[int] = ()
) -> Built | None:
    """Build the oldest ordered space; return it, or None when there is nothing to do.

    One transaction holds role, schema, tables, rows and the new state. When it fails, the tenant
    keeps its state with the error's code, NotBuilt is raised, and the next call tries again: unless the
    caller passes it over, so that the others do not wait for it.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(_NEXT, [list(passed_over)])
        row = cursor.fetchone()
        if row is None:
            return None
        built = Built(*row[:2])
        if row[2] == "ordered":
            _note(cursor, built.tenant_id, "started")
        cursor.execute(
            "UPDATE public.tenants_tenant SET state = 'provisioning' WHERE id = %s",
            [built.tenant_id],
        )
    try:
        with connection, connection.cursor() as cursor:
            _build(cursor, built, app_role=app_role)
    except psycopg2.Error as error:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "UPDATE public.tenants_tenant SET last_error = %s WHERE id = %s",
                [error.pgcode or type(error).__name__, built.tenant_id],
            )
            _note_failure(cursor, built.tenant_id, error.pgcode or type(error).__name__)
        log.exception("provisioning_failed", schema=built.schema, code=error.pgcode)
        raise NotBuilt(built.tenant_id) from error
    log.info("provisioned", schema=built.schema)
    return built


def _build(cursor: Any, built: Built, *, app_role: str) -> None:
    cursor.execute(
        "SELECT state FROM public.tenants_tenant WHERE id = %s FOR UPDATE", [built.tenant_id]
    )
    if cursor.fetchone() != ("provisioning",):
        return
    build_schema(cursor, schema=built.schema, app_role=app_role)
    cursor.execute(
        "UPDATE public.tenants_tenant SET state = 'ready', schema_version = %s, last_error = ''"
        " WHERE id = %s",
        [CURRENT_VERSION, built.tenant_id],
    )
    _note(cursor, built.tenant_id, "built")


def _note(cursor: Any, tenant_id: int, name: str, error: str = "") -> None:
    cursor.execute(
        "INSERT INTO public.tenants_provisioningstep (tenant_id, name, error, at)"
        " VALUES (%s, %s, %s, clock_timestamp())",
        [tenant_id, name, error],
    )


def _note_failure(cursor: Any, tenant_id: int, error: str) -> None:
    """Write a failure once: each new try that ends the same way only moves its instant."""
    cursor.execute(_LAST, [tenant_id])
    last = cursor.fetchone()
    if last is None or last[1:] != ("failed", error):
        _note(cursor, tenant_id, "failed", error)
        return
    cursor.execute(
        "UPDATE public.tenants_provisioningstep SET at = clock_timestamp() WHERE id = %s",
        [last[0]],
    )
