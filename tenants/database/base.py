"""The wall: a statement runs only inside a unit of work, whose transaction starts with its role and schema."""

from collections.abc import Callable
from typing import Any, cast

from django.db import DatabaseError, InterfaceError, OperationalError
from django_tenants.postgresql_backend import base
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

from tenants.schema import Unit


class OutsideUnitError(DatabaseError):
    """A statement was asked for outside ``inside(...)``."""


class SilentRollbackError(DatabaseError):
    """A statement had failed: PostgreSQL would have answered COMMIT with a silent ROLLBACK."""


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # django-tenants has no types
    """django-tenants' backend with the role and the search path bound to the transaction."""

    unit: Unit | None = None
    may_switch = False
    """Only the test fixture sets it: tests visit another host inside their own transaction."""
    _connecting = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.memo: dict[Any, Any] = {}

    def connect(self) -> None:
        """Connect; Django's own session set-up is the only statement allowed without a unit."""
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
        """Do nothing: the search path belongs to the transaction, see enter()."""

    def enter(self) -> None:
        """Send the one message that puts the transaction under its role and in its schema."""
        assert self.unit is not None  # noqa: S101  # set by inside() just before
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(self.unit.statements)

    def set_autocommit(
        self,
        autocommit: bool,  # noqa: FBT001  # Django's signature
        force_begin_transaction_with_broken_autocommit: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Begin the outermost transaction and enter the unit at once, reconnecting one time if needed."""
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if autocommit or self.unit is None:
            return
        try:
            try:
                self.enter()
            except (OperationalError, InterfaceError):
                # The kept connection had died and nothing has run on it: one new connection is safe.
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

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:  # noqa: FBT001, FBT002
        """Register ``func``, always robust: the commit stands, a hook may not turn it into a 500."""
        super().on_commit(func, robust=True)

    def run_library_hooks(self) -> None:
        """Run the libraries' hooks before the commit: they query, write messages, read the request.

        Ours (``ring``) only wake a worker and stay for after the commit.
        """
        while True:
            registered = cast("list[tuple[Any, Callable[[], object], bool]]", self.run_on_commit)  # type: ignore[has-type]
            doorbells = [h for h in registered if getattr(h[1], "doorbell", False)]
            hooks = [h for h in registered if not getattr(h[1], "doorbell", False)]
            if not hooks or self.needs_rollback:
                return
            self.run_on_commit = doorbells
            for _sids, func, _robust in hooks:
                func()

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:  # noqa: FBT001, FBT002
        """Remember the tenant for cache keys and storages; never touches the search path."""
        self.tenant, self.schema_name = tenant, tenant.schema_name
        self.include_public_schema = False
        self.set_settings_schema(tenant.schema_name)

    def check_constraints(self, table_names: Any = None) -> None:
        """Check deferred constraints; outside a unit nothing can have run, so nothing is asked."""
        if self.unit is not None:
            super().check_constraints(table_names)
