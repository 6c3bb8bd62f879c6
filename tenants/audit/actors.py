"""Jobs of the audit trail: seal events every minute, verify the chains once a day, in every schema."""

from datetime import timedelta

import structlog
from django.utils import timezone

from tenants.audit import chain_heads, checkpoints, verification
from tenants.audit.chain import seal_events
from tenants.audit.chain_heads import Reason
from tenants.broker import actor, tenant_actor
from tenants.heartbeat import Duty, ages, beat
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside

log = structlog.get_logger("audit")

CHECKED_EVERY = timedelta(hours=20)


@tenant_actor(queue_name="sweep", max_retries=0)
def seal(unit: Unit) -> None:
    """Append the new events of one schema to its chain."""
    with inside(unit):
        seal_events()


@tenant_actor(queue_name="sweep", max_retries=0)
def sign_checkpoints(unit: Unit) -> None:
    """Verify the chains of one schema, record their heads outside the database, sign what may be pruned.

    Pruning deletes signed links that are older than twelve months (B-27). A chain that is shorter than recorded,
    or another, raises an alarm: its recorded head stays, and nothing of the schema is signed.
    """
    now = timezone.now()
    with inside(unit):
        reports = verification.verify_chains(now=now)
        verification.record_chain_heads(reports, reason=Reason.VERIFIED, now=now)
        if all(report.finding is None for report in reports):
            checkpoints.sign_past(now=now)
    for report in reports:
        if report.finding is not None:
            finding = report.finding.value
            chain_heads.raise_alarm(schema=unit.schema, chain=report.name, finding=finding, at=now)
            log.error(
                "audit_chain_differs",
                schema=unit.schema,
                kind=report.name,
                reason=finding,
                count=report.verdict.links,
            )


@actor(queue_name="sweep", max_retries=0)
def sign_all_checkpoints() -> None:
    """Enqueue ``sign_checkpoints`` for every schema, once in ``CHECKED_EVERY``.

    It is called each hour and at the start of a worker: a clock that restarts every day would otherwise never
    reach the end of its interval.
    """
    now = timezone.now()
    age = ages(now=now)[Duty.AUDIT]
    if age is not None and timedelta(0) <= age < CHECKED_EVERY:
        return
    for unit in [PUBLIC, *served_units()]:
        sign_checkpoints.send(unit.schema)
    beat(duty=Duty.AUDIT, now=now)


@actor(queue_name="sweep", max_retries=0)
def seal_all() -> None:
    """Enqueue ``seal`` for every schema."""
    for unit in [PUBLIC, *served_units()]:
        seal.send(unit.schema)
    beat(duty=Duty.SEAL, now=timezone.now())
