"""Write the DDL template of a tenant schema from the migrations."""

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

from tenants.database.client_programs import without_password
from tenants.provisioning import template
from tenants.provisioning.build import create_role_and_schema, drop_schema
from tenants.provisioning.version import version_of

SCRATCH = "t_template"
_VARCHAR_IN = re.compile(
    r"\((?P<column>\w+)\)::text = ANY \(\(ARRAY\[(?P<values>[^\]]*)\]\)::text\[\]\)"
)
_APPLIED_AT = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*\+00'")
"""When a migration ran in the scratch schema: a constant in its place keeps the template's history readable."""
_IDENTITY = re.compile(
    r"ALTER TABLE (?P<table>\S+) ALTER COLUMN (?P<column>\w+) ADD (?P<identity>GENERATED [^(]+AS IDENTITY)"
    r" \([^)]*\);\n"
)
REFERENCE_TABLES = ("django_migrations", "django_content_type", "auth_permission")


class Command(BaseCommand):
    """Migrates a scratch schema, dumps it and writes tenants/provisioning/template.sql."""

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add ``--check``, which compares and writes nothing."""
        parser.add_argument(
            "--check", action="store_true", help="fail when the file is out of date"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Build the template; write it, or raise CommandError when the file differs."""
        version = version_of(MigrationLoader(None))
        self._migrate_scratch()
        try:
            body = _normalise(_dump())
        finally:
            self._drop_scratch_schema()
        text = template.compose(version=version, body=body)
        if options["check"]:
            # The version digests the names of migrations only; an edited migration keeps its name.
            if _undated(text) != _undated(template.PATH.read_text(encoding="utf-8")):
                raise CommandError("template.sql is older than the migrations: run make_template")
            return
        template.PATH.write_text(text, encoding="utf-8")
        self.stdout.write(f"Wrote {template.PATH.name}, {len(body.splitlines())} lines.")

    def _migrate_scratch(self) -> None:
        self._drop_scratch_schema()
        with transaction.atomic(), connection.cursor() as cursor:
            create_role_and_schema(cursor.cursor, schema=SCRATCH, app_role=settings.APP_ROLE)
        with schema_context(SCRATCH):
            call_command("migrate_schemas", schema_name=SCRATCH, interactive=False, verbosity=0)

    def _drop_scratch_schema(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            drop_schema(cursor.cursor, schema=SCRATCH)


def _dump() -> str:
    """Return the DDL of the scratch schema from pg_dump, with the rows of the reference tables."""
    common = ["--no-owner", "--no-privileges", "--no-comments"]
    ddl = _pg_dump("--schema-only", "-n", SCRATCH, *common)
    tables = [f"--table={SCRATCH}.{table}" for table in REFERENCE_TABLES]
    rows = _pg_dump("--data-only", "--column-inserts", "--rows-per-insert=1000", *tables, *common)
    return ddl + rows


def _pg_dump(*arguments: str) -> str:
    program = str(Path(settings.PG_BIN) / "pg_dump") if settings.PG_BIN else "pg_dump"
    url, environment = without_password(settings.OWNER_DATABASE_URL)
    completed = subprocess.run(  # fixed program and arguments
        [program, *arguments, "-d", url],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return completed.stdout


def _normalise(dump: str) -> str:
    """Remove session settings, comments and CREATE SCHEMA; replace the schema by the placeholder."""
    omitted = re.compile(r"^(--|SET |SELECT pg_catalog\.set_config|CREATE SCHEMA|\\)")
    lines = [line for line in dump.splitlines() if line.strip() and not omitted.match(line)]
    text = _VARCHAR_IN.sub(_as_written, "\n".join(lines) + "\n")
    text = _APPLIED_AT.sub("'2026-01-01 00:00:00+00'", _with_identities(text))
    return text.replace(SCRATCH, template.PLACEHOLDER)


def _with_identities(text: str) -> str:
    """Return the text with each identity inside its CREATE TABLE, since Citus refuses to add one later.

    PostgreSQL then chooses the same name for the sequence as in pg_dump's output.
    """
    for found in _IDENTITY.finditer(text):
        table, column, identity = found["table"], found["column"], found["identity"]
        create = f"CREATE TABLE {table} (\n"
        begin = text.index(create) + len(create)
        end = text.index("\n);", begin)
        columns, count = re.subn(
            rf"^( *{column} \w+) NOT NULL",
            rf"\1 {identity} NOT NULL",
            text[begin:end],
            flags=re.MULTILINE,
        )
        if count != 1:
            raise CommandError(f"the identity of {table}.{column} was not found in its table")
        text = text[:begin] + columns + text[end:]
    return _IDENTITY.sub("", text)


def _undated(text: str) -> str:
    """Return the text without the instants of the migrations and the names of NOT NULL constraints.

    PostgreSQL stores the names of these constraints since version 18 only.
    """
    text = re.sub(r"CONSTRAINT \w+ NOT NULL", "NOT NULL", text)
    return _APPLIED_AT.sub("''", text)


def _as_written(found: re.Match[str]) -> str:
    """Return ``column IN (...)``: PostgreSQL parses its own output of this clause into another tree."""
    values = found["values"].replace("::character varying", "")
    return f"{found['column']} IN ({values})"
