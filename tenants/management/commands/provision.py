"""Provision the ordered tenants."""

import time
from typing import Any

import psycopg2
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from tenants.provisioning.audit_pruning import prune_all
from tenants.provisioning.state_machine import NotBuilt, advance_one

PAUSE_SECONDS = 1.0
AGAIN_AFTER_SECONDS = 60.0
AUDIT_PRUNE_SECONDS = 24 * 3600.0


class Command(BaseCommand):
    """Provisions ordered tenants, once or continuously. The only long-running process with the owner's login."""

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add ``--watch``, which keeps the command running."""
        parser.add_argument("--watch", action="store_true", help="keep watching for new orders")

    def handle(self, *args: Any, **options: Any) -> None:
        """Provision until no tenant is left; with --watch, poll every second and prune audit trails once a day.

        With --watch a failed tenant does not block the others: it is retried a minute later.
        """
        self._again_at: dict[int, float] = {}
        connection = psycopg2.connect(settings.OWNER_DATABASE_URL)
        audit_prune_at = time.monotonic()
        try:
            while True:
                if options["watch"] and time.monotonic() >= audit_prune_at:
                    audit_prune_at = time.monotonic() + AUDIT_PRUNE_SECONDS
                    prune_all(connection, now=timezone.now())
                try:
                    if self._advance(connection):
                        continue
                except NotBuilt as failure:
                    if not options["watch"]:
                        raise
                    self._again_at[failure.tenant_id] = time.monotonic() + AGAIN_AFTER_SECONDS
                    continue
                if not options["watch"]:
                    return
                time.sleep(PAUSE_SECONDS)
        finally:
            connection.close()

    def _advance(self, connection: Any) -> bool:
        now = time.monotonic()
        waiting = [tenant_id for tenant_id, again_at in self._again_at.items() if again_at > now]
        built = advance_one(connection, app_role=settings.APP_ROLE, passed_over=waiting)
        if built is None:
            return False
        self.stdout.write(f"Built {built.schema}.")
        return True
