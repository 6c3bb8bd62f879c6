"""Erase everybody whose date has come, now, without the worker."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from compliance.retention import purge as sweeping
from compliance.retention.due import backlog
from tenants.routing import served_units


class Command(BaseCommand):
    """What the worker does every five minutes; harmless beside it and when run again."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Purge the schemas with a backlog, then tidy every schema."""
        now = timezone.now()
        erased = sum(sweeping.purge(entry.unit, now=now) for entry in backlog(until=now))
        for unit in served_units():
            sweeping.tidy(unit, now=now)
        self.stdout.write(f"{erased} erased.")
