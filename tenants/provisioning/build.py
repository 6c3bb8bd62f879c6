"""Creates roles, rights and schemas in SQL, with the owner's login: the only module that issues DDL.

Every function takes a cursor of a psycopg2 connection to OWNER_DATABASE_URL. psycopg2.sql quotes the names;
no statement contains user input.
"""

from typing import Any

from psycopg2 import sql

from tenants.provisioning.template import statements_for
from tenants.schema import PUBLIC, ROUTER, SWEEPER

TENANTS_GROUP = "librdv_tenants"
APPEND_ONLY = ("audit_auditevent", "audit_auditseal", "audit_receipt", "audit_checkpoint")
IMMUTABLE = ("booking_formversion", "booking_extrafield")
"""Tables of published forms, which document the information given to patients: insert only (C-01, B-03)."""
READ_ONLY = ("django_migrations",)
SHARED_APPEND_ONLY = (
    "catalogue_price",
    "orders_orderfile",
    "invoicing_sellerprofile",
    "invoicing_refrate",
    "invoicing_invoice",
    "invoicing_invoicefile",
    "invoicing_payment",
    "invoicing_allocation",
)
"""Tables of ``public`` alone that the application may only insert into: documents are immutable (F-04)."""
SHARED_MOVE_ONLY = ("invoicing_series",)
"""Tables of ``public`` alone whose rows the application may change, neither make nor delete (F-03)."""
SHARED_FUNCTIONS = ("public.invoicing_open_series(integer)",)
"""Functions with their owner's rights that the public host may call."""
FOR_TENANTS = "for_tenants"
"""The schema of views by which a tenant reads its own rows of ``public``: its group may SELECT, nothing else."""
SWEPT = {
    "outbox_outboxentry": (
        "id",
        "ref",
        "due_at",
        "state",
        "kind",
        "attempts",
        "finished_at",
        "expires_at",
    ),
    "booking_patientcontact": ("id", "erase_at"),
    "booking_waitingentry": ("id", "erase_at"),
    "booking_googleaccount": (
        "id",
        "ref",
        "state",
        "poll_at",
        "connected_at",
        "can_read_busy",
        "busy_at",
        "last_success_at",
    ),
    "booking_calendarentry": (
        "account_id",
        "state",
        "version",
        "pushed",
        "changed_at",
        "is_held_back",
    ),
}
"""The columns that the sweeper may read in every schema: ids, instants and states, no sealed data."""

_LOGIN_SETTINGS = (
    ("jit", "off"),
    ("statement_timeout", "15s"),
    # Many concurrent bookings of one agenda wait for its lock on a slow machine rather than fail.
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("timezone", "UTC"),
)


def _run(cursor: Any, text: str, *names: str) -> None:
    cursor.execute(sql.SQL(text).format(*(sql.Identifier(name) for name in names)))


def _role_exists(cursor: Any, role: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    return cursor.fetchone() is not None


def prepare_roles(cursor: Any, *, app_role: str, database: str) -> None:
    """Create the roles of the application and revoke the rights of PUBLIC; idempotent.

    The timeouts and ``jit=off`` are set on the login role: PostgreSQL ignores settings of a role that is
    entered by SET LOCAL ROLE.
    """
    for role in (ROUTER.role, PUBLIC.role, SWEEPER.role, TENANTS_GROUP):
        if not _role_exists(cursor, role):
            _run(cursor, "CREATE ROLE {} NOLOGIN", role)
    if not _role_exists(cursor, app_role):
        _run(cursor, "CREATE ROLE {} LOGIN NOINHERIT", app_role)
    for role in (ROUTER.role, PUBLIC.role, SWEEPER.role):
        _run(cursor, "GRANT {} TO {}", role, app_role)
    for name, value in _LOGIN_SETTINGS:
        statement = sql.SQL("ALTER ROLE {} SET {} = {}").format(
            sql.Identifier(app_role), sql.Identifier(name), sql.Literal(value)
        )
        cursor.execute(statement)
    _run(cursor, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _run(cursor, "GRANT CONNECT ON DATABASE {} TO {}", database, app_role)
    cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def grant_shared(cursor: Any) -> None:
    """Grant the rights on the shared tables and on the views for tenants; run after migrating."""
    public, router, sweeper = PUBLIC.role, ROUTER.role, SWEEPER.role
    for role in (public, router, sweeper):
        _run(cursor, "GRANT USAGE ON SCHEMA public TO {}", role)
    _run(cursor, "GRANT SELECT ON public.tenants_tenant, public.tenants_domain TO {}", router)
    _run(
        cursor, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}", public
    )
    for table in APPEND_ONLY:
        _run(cursor, "REVOKE UPDATE, DELETE ON public.{} FROM {}", table, public)
    for table in SHARED_APPEND_ONLY:
        _run(cursor, "REVOKE UPDATE, DELETE ON public.{} FROM {}", table, public)
    for table in SHARED_MOVE_ONLY:
        _run(cursor, "REVOKE INSERT, DELETE ON public.{} FROM {}", table, public)
    for table in READ_ONLY:
        _run(cursor, "REVOKE INSERT, UPDATE, DELETE ON public.{} FROM {}", table, public)
    for function in SHARED_FUNCTIONS:
        cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        _run(cursor, f"GRANT EXECUTE ON FUNCTION {function} TO {{}}", public)
    _run(cursor, "GRANT USAGE ON SCHEMA {} TO {}", FOR_TENANTS, TENANTS_GROUP)
    _run(cursor, "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}", FOR_TENANTS, TENANTS_GROUP)
    _grant_sweeper(cursor, "public", tables=("outbox_outboxentry",))
    _run(cursor, "GRANT SELECT ON public.tenants_heartbeat TO {}", sweeper)


def build_schema(cursor: Any, *, schema: str, app_role: str) -> None:
    """Create the role, the schema and its tables, in the caller's transaction.

    PostgreSQL's DDL is transactional, roles included: a crash leaves no trace and a new run succeeds.
    """
    create_role_and_schema(cursor, schema=schema, app_role=app_role)
    for statement in statements_for(schema):
        cursor.execute(statement)
    restrict(cursor, schema=schema)


def create_role(cursor: Any, *, schema: str, app_role: str) -> None:
    """Create the tenant's role, which owns no object; idempotent."""
    if not _role_exists(cursor, schema):
        _run(cursor, "CREATE ROLE {} NOLOGIN", schema)
        _run(cursor, "GRANT {} TO {}", schema, app_role)
        _run(cursor, "GRANT {} TO {}", TENANTS_GROUP, schema)


def create_role_and_schema(cursor: Any, *, schema: str, app_role: str) -> None:
    """Create the tenant's role and its empty schema with the default privileges of its future tables."""
    create_role(cursor, schema=schema, app_role=app_role)
    _run(cursor, "CREATE SCHEMA {}", schema)
    # Before any table exists: default privileges apply to later tables of the login that sets them, the owner.
    _run(
        cursor,
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}",
        schema,
        schema,
    )
    _run(cursor, "GRANT USAGE ON SCHEMA {} TO {}, {}", schema, schema, SWEEPER.role)


def restrict(cursor: Any, *, schema: str) -> None:
    """Make the audit trail append-only and the migrations table read-only; grant the sweeper its columns."""
    for table in (*APPEND_ONLY, *IMMUTABLE):
        _run(cursor, "REVOKE UPDATE, DELETE ON {}.{} FROM {}", schema, table, schema)
    for table in READ_ONLY:
        _run(cursor, "REVOKE INSERT, UPDATE, DELETE ON {}.{} FROM {}", schema, table, schema)
    _grant_sweeper(cursor, schema, tables=tuple(SWEPT))


def drop_schema(cursor: Any, *, schema: str) -> None:
    """Drop a tenant's schema and role, at the end of a contract or of a test."""
    _run(cursor, "DROP SCHEMA IF EXISTS {} CASCADE", schema)
    _run(cursor, "DROP ROLE IF EXISTS {}", schema)


def _grant_sweeper(cursor: Any, schema: str, *, tables: tuple[str, ...]) -> None:
    for table in tables:
        columns = sql.SQL(", ").join(sql.Identifier(column) for column in SWEPT[table])
        cursor.execute(
            sql.SQL("GRANT SELECT ({}) ON {}.{} TO {}").format(
                columns, sql.Identifier(schema), sql.Identifier(table), sql.Identifier(SWEEPER.role)
            )
        )
