"""Verify the issued documents: no gap, days in order, none altered, removed or cut, files as they were issued."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.invoicing import verification
from billing.invoicing.series import day_in_paris
from tenants.audit.chain_heads import Reason
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Verifies each series; prints what is wrong by number, and fails then.

    ``--accept`` records the last numbers as they are, lower ones too: after a restore, whose series end earlier
    than recorded. A series with another fault is never accepted.
    """

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add ``--accept``."""
        parser.add_argument(
            "--accept", action="store_true", help="record the last numbers, lower ones too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per series, then each fault."""
        now = timezone.now()
        with inside(PUBLIC):
            reports = verification.verify_all(
                today=day_in_paris(now), uses_record=not options["accept"]
            )
        for report in reports:
            state = f"{len(report.faults)} faults" if report.faults else "intact"
            self.stdout.write(f"{report.code}: {report.count} documents, {state}")
            for fault in report.faults:
                self.stdout.write(f"  {fault}")
        if options["accept"]:
            verification.record_ends(reports, reason=Reason.ACCEPTED, now=now)
        if any(report.faults for report in reports):
            raise CommandError("issued documents are not as they were issued")
