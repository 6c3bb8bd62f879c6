"""The state machine of a tenant: ordered -> provisioning -> ready, resumable after a crash at any point.

Runs with the owner's login in a separate process; web and worker processes do not have this login. Services
under the application's login do the steps after ``ready``: first rows, go-live, suspension.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg2
import structlog
from psycopg2 import extensions

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
    """A tenant whose schema has just been built."""

    tenant_id: int
    schema: str


class NotBuilt(Exception):
    """The schema of the tenant ``tenant_id`` could not be built; the cause is a psycopg2 error."""

    def __init__(self, tenant_id: int) -> None:
        super().__init__(str(tenant_id))
        self.tenant_id = tenant_id


def advance_one(
    connection: extensions.connection, *, app_role: str, passed_over: Collection[int] = ()
) -> Built | None:
    """Build the schema of the oldest ordered tenant; return it, or None when no tenant waits.

    One transaction creates role, schema, tables and rows and sets the new state. When it fails, the tenant
    keeps its state with the error's code and NotBuilt is raised. The next call retries the tenant, unless
    ``passed_over`` contains its id, so that other tenants do not wait for it.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(_NEXT, [list(passed_over)])
        row = cursor.fetchone()
        if row is None:
            return None
        built = Built(*row[:2])
        if row[2] == "ordered":
            _record_step(cursor, built.tenant_id, "started")
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
            _record_failure(cursor, built.tenant_id, error.pgcode or type(error).__name__)
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
    _record_step(cursor, built.tenant_id, "built")


def _record_step(cursor: Any, tenant_id: int, name: str, error: str = "") -> None:
    cursor.execute(
        "INSERT INTO public.tenants_provisioningstep (tenant_id, name, error, at)"
        " VALUES (%s, %s, %s, clock_timestamp())",
        [tenant_id, name, error],
    )


def _record_failure(cursor: Any, tenant_id: int, error: str) -> None:
    """Insert a failed step; when the last step has the same error, update its instant instead."""
    cursor.execute(_LAST, [tenant_id])
    last = cursor.fetchone()
    if last is None or last[1:] != ("failed", error):
        _record_step(cursor, tenant_id, "failed", error)
        return
    cursor.execute(
        "UPDATE public.tenants_provisioningstep SET at = clock_timestamp() WHERE id = %s",
        [last[0]],
    )
