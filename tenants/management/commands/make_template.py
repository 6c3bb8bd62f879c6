"""Write the DDL template of a tenant schema from the migrations."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django_tenants.utils import schema_context

from tenants.provisioning import template
from tenants.provisioning.build import create_role_and_schema, drop_schema
from tenants.provisioning.version import version_of

SCRATCH = "t_template"
_VARCHAR_IN = re.compile(
    r"\((?P<column>\w+)\)::text = ANY \(\(ARRAY\[(?P<values>[^\]]*)\]\)::text\[\]\)"
)
REFERENCE_TABLES = ("django_migrations", "django_content_type", "auth_permission")


class Command(BaseCommand):
    """Migrate a scratch schema, dump it, and write tenants/provisioning/template.sql."""

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Allow to check instead of write."""
        parser.add_argument(
            "--check", action="store_true", help="fail when the file is out of date"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Build the text; write it, or compare it."""
        version = version_of(MigrationLoader(None))
        self._migrate_scratch()
        try:
            body = _normalise(_dump())
        finally:
            self._drop_scratch()
        text = template.compose(version=version, body=body)
        if options["check"]:
            # The version names the migrations; one that was edited keeps its name, so compare the text.
            if _undated(text) != _undated(template.PATH.read_text(encoding="utf-8")):
                raise CommandError("template.sql is older than the migrations: run make_template")
            return
        template.PATH.write_text(text, encoding="utf-8")
        self.stdout.write(f"Wrote {template.PATH.name}, {len(body.splitlines())} lines.")

    def _migrate_scratch(self) -> None:
        self._drop_scratch()
        with transaction.atomic(), connection.cursor() as cursor:
            create_role_and_schema(cursor.cursor, schema=SCRATCH, app_role=settings.APP_ROLE)
        with schema_context(SCRATCH):
            call_command("migrate_schemas", schema_name=SCRATCH, interactive=False, verbosity=0)

    def _drop_scratch(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            drop_schema(cursor.cursor, schema=SCRATCH)


def _dump() -> str:
    """Return pg_dump's DDL of the scratch schema, with the rows of the reference tables."""
    common = ["--no-owner", "--no-privileges", "--no-comments", "-d", settings.OWNER_DATABASE_URL]
    ddl = _pg_dump("--schema-only", "-n", SCRATCH, *common)
    tables = [f"--table={SCRATCH}.{table}" for table in REFERENCE_TABLES]
    rows = _pg_dump("--data-only", "--column-inserts", "--rows-per-insert=1000", *tables, *common)
    return ddl + rows


def _pg_dump(*arguments: str) -> str:
    program = str(Path(settings.PG_BIN) / "pg_dump") if settings.PG_BIN else "pg_dump"
    done = subprocess.run(  # fixed program and arguments
        [program, *arguments], check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    return done.stdout


def _normalise(dump: str) -> str:
    """Keep what builds: no session settings, no comments, no CREATE SCHEMA, the schema as placeholder."""
    dropped = re.compile(r"^(--|SET |SELECT pg_catalog\.set_config|CREATE SCHEMA|\\)")
    lines = [line for line in dump.splitlines() if line.strip() and not dropped.match(line)]
    text = _VARCHAR_IN.sub(_as_written, "\n".join(lines) + "\n")
    return text.replace(SCRATCH, template.PLACEHOLDER)


def _undated(text: str) -> str:
    """Return the text without the instants at which the migrations ran, and without the names of
    NOT NULL constraints: PostgreSQL keeps these only since version 18."""
    text = re.sub(r"CONSTRAINT \w+ NOT NULL", "NOT NULL", text)
    return re.sub(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*\+00'", "''", text)


def _as_written(found: re.Match[str]) -> str:
    """Return ``column IN (...)``: PostgreSQL does not read its own print of it back into the same tree."""
    values = found["values"].replace("::character varying", "")
    return f"{found['column']} IN ({values})"
