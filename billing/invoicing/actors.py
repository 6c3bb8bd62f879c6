"""The jobs of invoicing: the series of next year, the verification of documents, the drafts of due periods."""

from datetime import datetime, timedelta

import structlog
from django.utils import timezone

from billing.invoicing import verification
from billing.invoicing.due_drafts import make_due_drafts
from billing.invoicing.series import day_in_paris, open_series
from tenants.audit.chain_heads import Reason
from tenants.broker import actor
from tenants.heartbeat import Duty, ages, beat
from tenants.schema import PUBLIC, inside

log = structlog.get_logger("invoicing")

CHECKED_EVERY = timedelta(hours=20)


@actor(queue_name="sweep", max_retries=0)
def verify_documents() -> None:
    """Verify the documents once in ``CHECKED_EVERY``: it is called each hour and at the start of a worker."""
    now = timezone.now()
    open_next_series(now=now)
    age = ages(now=now)[Duty.INVOICES]
    if age is None or not timedelta(0) <= age < CHECKED_EVERY:
        verify_and_record(now=now)


@actor(queue_name="sweep", max_retries=0)
def draft_due_periods() -> None:
    """Make the drafts of the periods that are due; called each hour, and idempotent."""
    now = timezone.now()
    with inside(PUBLIC):
        report = make_due_drafts(now=now)
    beat(duty=Duty.PERIODS, now=now)
    for obstacle, count in report.obstacles.items():
        log.warning("periods_not_drafted", kind=obstacle.value, count=count)


def open_next_series(*, now: datetime) -> None:
    """Make the series of this year and of the next, so that New Year's Day finds them; idempotent."""
    year = day_in_paris(now).year
    with inside(PUBLIC):
        open_series(year=year)
        open_series(year=year + 1)


def verify_and_record(*, now: datetime) -> None:
    """Verify every series and record its head; a fault is logged and breaks the promise ``invoices``."""
    with inside(PUBLIC):
        reports = verification.verify_all(today=day_in_paris(now))
    verification.record_ends(reports, reason=Reason.VERIFIED, now=now)
    for report in reports:
        if report.faults:
            log.error("invoices_differ", kind=report.code.lower(), count=len(report.faults))
    beat(duty=Duty.INVOICES, now=now)
