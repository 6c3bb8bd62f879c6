"""Build the spaces that have been ordered."""

import time
from typing import Any

import psycopg2
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from tenants.provisioning.machine import NotBuilt, advance_one
from tenants.provisioning.pruning import prune_all

PAUSE_SECONDS = 1.0
AGAIN_AFTER_SECONDS = 60.0
PRUNE_EVERY_SECONDS = 24 * 3600.0


class Command(BaseCommand):
    """Build what is ordered, once or for ever. The only long process with the owner's login."""

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Offer to keep watching."""
        parser.add_argument("--watch", action="store_true", help="keep watching for new orders")

    def handle(self, *args: Any, **options: Any) -> None:
        """Advance until nothing is left; with --watch, ask again every second.

        Then a space that cannot be built holds up no other: it is tried again a minute later.
        """
        self._again_at: dict[int, float] = {}
        connection = psycopg2.connect(settings.OWNER_DATABASE_URL)
        prunes_at = time.monotonic()
        try:
            while True:
                if options["watch"] and time.monotonic() >= prunes_at:
                    prunes_at = time.monotonic() + PRUNE_EVERY_SECONDS
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
