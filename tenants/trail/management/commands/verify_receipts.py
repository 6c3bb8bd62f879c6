"""Check that no receipt of erasure and no act was altered, removed or put in another order."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.routing import kept_units
from tenants.schema import PUBLIC, inside
from tenants.trail import chain, heads, receipts


class Command(BaseCommand):
    """Walk the chains of every schema; fail when one is broken."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per schema."""
        broken, noted = 0, heads.read()
        for unit in [PUBLIC, *kept_units()]:
            with inside(unit):
                verdicts = {"receipts": receipts.verify(), "acts": chain.verify_acts()}
            for name, verdict in verdicts.items():
                links, _mark = noted.get(unit.schema, {}).get(name, (0, ""))
                is_whole = verdict.is_intact and verdict.links >= links
                state = "intact"
                if not verdict.is_intact:
                    state = f"BROKEN at {verdict.broken_at}"
                elif not is_whole:
                    state = f"CUT: {links} links were seen"
                self.stdout.write(f"{unit.schema} {name}: {verdict.links} links, {state}")
                broken += not is_whole
        if broken:
            raise CommandError(f"{broken} broken chains")
