"""Verify the chains of erasure receipts and audit events: none altered, removed, reordered or cut."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.audit import verification
from tenants.routing import kept_units
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Verifies the chains of every schema against their recorded heads; fails when one is not whole.

    ``--accept`` records the chains as they are: after a restore, whose chains end earlier than recorded, or when
    the file of heads is lost. A broken chain is never accepted.
    """

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add ``--accept``."""
        parser.add_argument(
            "--accept", action="store_true", help="record the chains as they are, shorter ones too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per chain of each schema."""
        now, wrong = timezone.now(), 0
        verify = verification.accept_chains if options["accept"] else verification.verify_chains
        for unit in [PUBLIC, *kept_units()]:
            with inside(unit):
                reports = verify(now=now)
            for report in reports:
                self.stdout.write(
                    f"{unit.schema} {report.name}: {report.verdict.links} links, {report.text}"
                )
                wrong += report.finding is not None
        if wrong:
            raise CommandError(f"{wrong} broken chains")
