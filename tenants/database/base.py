"""The isolation boundary: a statement runs only inside a unit of work.

The transaction of a unit starts by setting the unit's role and search path.
"""

from collections.abc import Callable
from typing import Any, cast

from django.db import DatabaseError, InterfaceError, OperationalError
from django_tenants.postgresql_backend import base
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

from tenants.schema import Unit


class OutsideUnitError(DatabaseError):
    """Code requested a cursor outside ``inside(...)``."""


class SilentRollbackError(DatabaseError):
    """The commit of a transaction with a failed statement: PostgreSQL would roll back without an error."""


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # django-tenants has no types
    """The backend of django-tenants with role and search path bound to the transaction."""

    unit: Unit | None = None
    may_switch = False
    """Set by the test fixture only: tests request another host inside their own transaction."""
    _connecting = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.memo: dict[Any, Any] = {}

    def connect(self) -> None:
        """Connect; Django's session set-up is the only statement allowed without a unit."""
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def _cursor(self, name: str | None = None) -> Any:
        if not self._connecting and (self.unit is None or not self.in_atomic_block):
            raise OutsideUnitError("no statement outside inside(unit)")
        return super()._cursor(name)

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Do nothing: enter() sets the search path for each transaction."""

    def enter(self) -> None:
        """Set role and search path of the transaction, in one message to PostgreSQL."""
        if self.unit is None:
            raise OutsideUnitError("no unit of work to enter")
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(self.unit.statements)

    def set_autocommit(
        self,
        autocommit: bool,
        force_begin_transaction_with_broken_autocommit: bool = False,
    ) -> None:
        """Begin the outermost transaction and enter its unit; reconnect at most one time."""
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if autocommit or self.unit is None:
            return
        try:
            try:
                self.enter()
            except (OperationalError, InterfaceError):
                # The kept connection was dead and ran no statement: one new connection is safe.
                self.close()
                super().set_autocommit(False)
                self.enter()
        except BaseException:
            self.close()
            raise

    def _commit(self) -> Any:
        if self.connection is not None:
            status = self.connection.info.transaction_status
            if status == TRANSACTION_STATUS_INERROR:
                raise SilentRollbackError("a statement had failed in this transaction")
        return super()._commit()

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Register ``func``, always robust: an error of a hook does not turn a committed request into a 500."""
        super().on_commit(func, robust=True)

    def run_library_hooks(self) -> None:
        """Run the libraries' on-commit hooks before the commit: they query, write rows and read the request.

        Hooks of ``enqueue_on_commit`` remain registered for after the commit.
        """
        while True:
            registered = cast("list[tuple[Any, Callable[[], object], bool]]", self.run_on_commit)  # type: ignore[has-type]
            after_commit = [h for h in registered if getattr(h[1], "runs_after_commit", False)]
            hooks = [h for h in registered if not getattr(h[1], "runs_after_commit", False)]
            if not hooks or self.needs_rollback:
                return
            self.run_on_commit = after_commit
            for _sids, func, _robust in hooks:
                func()

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        """Store the tenant for cache keys and file storages; leave the search path unchanged."""
        self.tenant, self.schema_name = tenant, tenant.schema_name
        self.include_public_schema = False
        self.set_settings_schema(tenant.schema_name)

    def check_constraints(self, table_names: Any = None) -> None:
        """Check deferred constraints inside a unit; outside a unit no statement can have run."""
        if self.unit is not None:
            super().check_constraints(table_names)
