"""Making a practice's space: against replaying the bare DDL, and against django-tenants' own migrate.

And the two ways must end in the same schema: ``pg_dump`` of both, rights and reference rows included.
"""

import difflib
import os
import re
import secrets
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from tests.bench.rounds import alternate, milliseconds, ratio
from tests.proofs.counter import print_line
from tests.proofs.environment import ProofEnvironment, open_environment

NAME = "provision"
MOST_TO_LIMIT = 1.3
LEAST_TO_PEER = 6.0
_REFERENCE = ("django_migrations", "django_content_type", "auth_permission")
_APPLIED = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00'")


class _Schemas:
    """Schemas made in the three ways."""

    def __init__(self, environment: ProofEnvironment, connection: Any) -> None:
        self.environment, self.connection = environment, connection
        self.app_role = os.environ.get("APP_ROLE", "app")
        self.last: dict[str, str] = {}

    def ours(self) -> None:
        """Order a space and let the state machine build it, rows and states included."""
        from tenants.provisioning.state_machine import advance_one

        schema = self._new("ours")
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO public.tenants_tenant (ref, schema_name, name, state, schema_version,"
                " last_error, suspended_reason, profession, time_zone, territory, owner_email,"
                " owner_name, attestation_text_version, created_at) VALUES (gen_random_uuid(), %s, '',"
                " 'ordered', '', '', '', '', '', '', '', '', '', now())",
                [schema],
            )
        built = advance_one(self.connection, app_role=self.app_role)
        assert built is not None
        assert built.schema == schema

    def bare(self) -> None:
        """Send the same DDL and rows alone: no role, no right, no state, one commit."""
        from tenants.provisioning.template import statements_for

        schema = self._new("bare")
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {schema}")
            for statement in statements_for(schema):
                cursor.execute(statement)

    def migrated(self) -> None:
        """Migrate an empty schema as django-tenants does."""
        from django.core.management import call_command

        from tenants.provisioning.build import create_role_and_schema, restrict

        schema = self._new("migrated")
        with self.connection, self.connection.cursor() as cursor:
            create_role_and_schema(cursor, schema=schema, app_role=self.app_role)
        call_command("migrate_schemas", schema_name=schema, interactive=False, verbosity=0)
        with self.connection, self.connection.cursor() as cursor:
            restrict(cursor, schema=schema)

    def _new(self, way: str) -> str:
        schema = f"t_{secrets.token_hex(8)}"
        self.last[way] = schema
        return schema


def dump(environment: ProofEnvironment, schema: str) -> list[str]:
    """Return pg_dump's lines of a schema: structure, owners, rights, and the rows it is born with."""
    folder = environment.variables.get("PG_BIN", "")
    program = str(Path(folder) / "pg_dump") if folder else "pg_dump"
    common = [program, "-d", environment.owner_url, "--restrict-key=x"]
    tables = [f"--table={schema}.{table}" for table in _REFERENCE]
    structure = _text([*common, "--schema-only", "-n", schema])
    rows = _text([*common, "--data-only", "--column-inserts", *tables])
    text = _APPLIED.sub("'applied'", (structure + rows).replace(schema, "t_x"))
    return [line for line in text.splitlines() if line.strip()]


def _text(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "restrict-key" in done.stderr:
        command = [part for part in command if not part.startswith("--restrict-key")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    with (
        open_environment(LIBRDV_AS_OWNER="1") as environment,
        closing(psycopg2.connect(environment.owner_url)) as connection,
    ):
        schemas = _Schemas(environment, connection)
        alternate(1, ours=schemas.ours, bare=schemas.bare, migrated=schemas.migrated)
        seconds = alternate(
            3 if short else 15, ours=schemas.ours, bare=schemas.bare, migrated=schemas.migrated
        )
        ours, migrated = (
            dump(environment, schemas.last["ours"]),
            dump(environment, schemas.last["migrated"]),
        )
    differences = list(difflib.unified_diff(migrated, ours, "migrated", "provisioned", n=0))
    for line in differences[:40]:
        print(line, file=sys.stderr)
    to_limit = ratio(seconds["ours"], seconds["bare"])
    to_peer = ratio(seconds["migrated"], seconds["ours"])
    return {
        "bench": NAME,
        "ratio_to_limit": round(to_limit, 3),
        "ratio_to_peer": round(to_peer, 2),
        "identical": not differences,
        "dump_lines": len(ours),
        "ms": milliseconds(seconds["ours"]),
        "ms_bare_ddl": milliseconds(seconds["bare"]),
        "ms_migrate": milliseconds(seconds["migrated"]),
        "rounds": len(seconds["ours"]),
        "ok": to_limit <= MOST_TO_LIMIT and to_peer >= LEAST_TO_PEER and not differences,
    }


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))
