"""Delete acts and receipts that are older than twelve months and signed away."""

from typing import Any

import psycopg2
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from tenants.provisioning.pruning import prune_all


class Command(BaseCommand):
    """Run with the owner's login; the provisioner does it once a day (B-27)."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many rows went."""
        connection = psycopg2.connect(settings.OWNER_DATABASE_URL)
        try:
            count = prune_all(connection, now=timezone.now())
        finally:
            connection.close()
        self.stdout.write(f"{count} rows pruned.")
