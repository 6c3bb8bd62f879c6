"""Print the register of personal data from the declarations of the models (Art. 30)."""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from tenants.personal_data import columns_declared, models_with_people, undeclared
from tenants.routing import kept_units
from tenants.schema import PUBLIC, Unit, inside

UNDECLARABLE = frozenset({"django_migrations"})
_COLUMNS = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema()"
)


class Command(BaseCommand):
    """Prints one JSON line per table with personal data; --check compares declarations and live schemas."""

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add ``--check``, which compares and prints differences only."""
        parser.add_argument("--check", action="store_true", help="compare with the live schemas")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the register, or compare in both directions and raise CommandError on a difference."""
        if not options["check"]:
            self._print()
            return
        wrong = [f"models: {name}" for name in undeclared()]
        units = [PUBLIC, *kept_units()]
        for unit in units:
            wrong += [f"{unit.schema}: {difference}" for difference in differences(unit)]
        for line in wrong:
            self.stderr.write(line)
        if wrong:
            raise CommandError(f"{len(wrong)} differences between declarations and schemas")
        self.stdout.write(f"{len(units)} schemas hold what is declared, and nothing else.")

    def _print(self) -> None:
        for model, declared in models_with_people():
            line = {
                "table": model._meta.db_table,
                "subjects": declared.subjects,
                "purpose": declared.purpose,
                "legal_basis": declared.legal_basis,
                "recipients": declared.recipients,
                "source": declared.source,
                "retention": declared.retention,
                "personal": dict(declared.personal),
            }
            self.stdout.write(json.dumps(line, ensure_ascii=False))


def differences(unit: Unit) -> list[str]:
    """Return the undeclared columns of one live schema and the declared columns that it lacks."""
    app_names = settings.TENANT_APPS if unit.is_tenant else settings.SHARED_APPS
    declared = columns_declared(apps_of_schema=app_names)
    return sorted(_compare(declared, _live_columns(unit)))


def _compare(
    declared: Mapping[str, frozenset[str]], live: Mapping[str, frozenset[str]]
) -> list[str]:
    wrong: list[str] = []
    for table in declared.keys() | live.keys():
        existing, expected = live.get(table, frozenset()), declared.get(table, frozenset())
        wrong += [f"{table}.{column} is not declared" for column in existing - expected]
        wrong += [f"{table}.{column} is declared and not there" for column in expected - existing]
    return wrong


def _live_columns(unit: Unit) -> dict[str, frozenset[str]]:
    with inside(unit), connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        rows = cursor.fetchall()
    tables = {table for table, _ in rows} - UNDECLARABLE
    return {table: frozenset(c for t, c in rows if t == table) for table in tables}
