"""Migrate the public schema and grant the rights of the router, the public host and the sweeper."""

from datetime import UTC, datetime
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from tenants.provisioning.build import grant_shared


class Command(BaseCommand):
    """Migrates the shared apps. Needs the owner's login."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then grant, so that new tables get their rights in the same command."""
        call_command(
            "migrate_schemas", shared=True, interactive=False, verbosity=options["verbosity"]
        )
        with transaction.atomic(), connection.cursor() as cursor:
            grant_shared(cursor.cursor)
        self.stdout.write(f"Shared schema migrated at {datetime.now(UTC):%H:%M:%S}.")
