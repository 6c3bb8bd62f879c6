"""Verify the hash chains of erasure receipts and audit events: none altered, removed or reordered."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.audit import (
    chain,
    chain_heads,
    receipts,
)
from tenants.routing import kept_units
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Verifies the chains of every schema against their recorded heads; fails when one is broken or cut."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per chain of each schema."""
        broken, recorded = 0, chain_heads.read()
        for unit in [PUBLIC, *kept_units()]:
            with inside(unit):
                verdicts = {"receipts": receipts.verify(), "events": chain.verify_events()}
            for name, verdict in verdicts.items():
                links, _last_hash = recorded.get(unit.schema, {}).get(name, (0, ""))
                is_whole = verdict.is_intact and verdict.links >= links
                state = "intact"
                if not verdict.is_intact:
                    state = f"BROKEN at {verdict.broken_at}"
                elif not is_whole:
                    state = f"CUT: {links} links were recorded"
                self.stdout.write(f"{unit.schema} {name}: {verdict.links} links, {state}")
                broken += not is_whole
        if broken:
            raise CommandError(f"{broken} broken chains")
