"""Erase the due persons and delete the expired rows of every schema, without a worker."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from compliance.retention import expiry
from compliance.retention.due import backlog
from tenants.routing import served_units


class Command(BaseCommand):
    """Does the work of the retention jobs once; safe beside running workers, and idempotent."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase in the schemas with a backlog, then delete expired rows in every served schema."""
        now = timezone.now()
        erased = sum(expiry.erase_due(entry.unit, now=now) for entry in backlog(until=now))
        for unit in served_units():
            expiry.delete_expired(unit, now=now)
        self.stdout.write(f"{erased} erased.")
