"""Prune the audit trails: delete events and receipts that are older than twelve months and signed (B-27)."""

from typing import Any

import psycopg2
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from tenants.provisioning.audit_pruning import prune_all


class Command(BaseCommand):
    """Prunes every schema once. Needs the owner's login; ``provision --watch`` does the same once a day."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune and print the number of deleted rows."""
        connection = psycopg2.connect(settings.OWNER_DATABASE_URL)
        try:
            count = prune_all(connection, now=timezone.now())
        finally:
            connection.close()
        self.stdout.write(f"{count} rows pruned.")
