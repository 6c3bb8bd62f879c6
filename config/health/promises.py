"""The promises of ``/promises``: erasures, reminders, calendars on time, duties done, chains whole (B-27, S-20).

Read as the sweeper, with one query per hundred schemas; numbers only, without persons or practices.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import Count, Q

from billing.invoicing.verification import CHAIN as INVOICE_CHAIN
from booking.google.sync_health import stuck_accounts
from booking.rules.kinds import REMINDER
from config.health import broker
from tenants import cross_schema
from tenants.audit import chain_heads
from tenants.heartbeat import Duty, ages, is_on_time, monitored
from tenants.models import Tenant
from tenants.provisioning.template import CURRENT_VERSION
from tenants.routing import kept_units
from tenants.schema import ROUTER, inside

ERASURE_TOLERANCE = timedelta(minutes=60)
REMINDER_TOLERANCE = timedelta(minutes=15)
BUILD_TOLERANCE = timedelta(minutes=10)
REMINDER_LIFE = timedelta(hours=2)
"""A reminder expires two hours after its first due instant, or at 20:00; a retry moves ``due_at``, not this."""

# A reminder at its first attempt is no risk: at its second it has failed once.
_COUNTS = """
SELECT (SELECT count(*) FROM {schema}.booking_patientcontact WHERE erase_at < %s)
    + (SELECT count(*) FROM {schema}.booking_waitingentry WHERE erase_at < %s),
    (SELECT count(*) FROM {schema}.outbox_outboxentry WHERE state = 'pending' AND kind = %s
        AND (due_at < %s OR (attempts > 1 AND expires_at < %s)))
"""


@dataclass(frozen=True)
class Promise:
    """One promise with its state and its figures."""

    name: str
    is_kept: bool
    figures: dict[str, int | bool | None] = field(default_factory=dict)


def all_promises(*, now: datetime) -> list[Promise]:
    """Return every promise; without a database, the promises ``database`` (broken) and ``broker`` only."""
    reachable = broker.is_reachable()
    promises = [Promise("broker", reachable, {"reachable": reachable})]
    try:
        return [
            *_of_schemas(now=now),
            _of_calendars(now=now),
            *_of_duties(now=now),
            *promises,
        ]
    except DatabaseError:
        return [Promise("database", is_kept=False, figures={"reachable": False}), *promises]


def _of_schemas(*, now: datetime) -> list[Promise]:
    values = [
        now - ERASURE_TOLERANCE,
        now - ERASURE_TOLERANCE,
        REMINDER,
        now - REMINDER_TOLERANCE,
        now + REMINDER_LIFE - REMINDER_TOLERANCE,
    ]
    found = cross_schema.read(kept_units(), _COUNTS, values)
    overdue = sum(overdue for _unit, (overdue, _at_risk) in found.rows)
    at_risk = sum(at_risk for _unit, (_overdue, at_risk) in found.rows)
    return [
        Promise("erasures", overdue == 0, {"overdue": overdue}),
        Promise("reminders", at_risk == 0, {"at_risk": at_risk}),
        _of_tenants(unreadable=len(found.unreadable), now=now),
    ]


def _of_calendars(*, now: datetime) -> Promise:
    """Return the promise of calendar synchronisation; a link that needs its practitioner does not break it."""
    stuck = stuck_accounts(now=now)
    return Promise("calendars", stuck.failing == 0, {"stuck": stuck.failing, "lost": stuck.lost})


def _of_duties(*, now: datetime) -> list[Promise]:
    found = ages(now=now)
    return [_of_duty(duty, found[duty]) for duty in monitored()]


def _of_duty(duty: Duty, age: timedelta | None) -> Promise:
    """Return the promise of one duty; those of audit and invoices say how many chains differ from their heads."""
    is_kept = is_on_time(duty=duty, age=age)
    figures: dict[str, int | bool | None] = {
        "age_seconds": None if age is None else int(age.total_seconds())
    }
    if duty in {Duty.AUDIT, Duty.INVOICES}:
        figures["altered"] = _altered(is_of_invoices=duty == Duty.INVOICES)
        is_kept = is_kept and not figures["altered"]
    return Promise(duty.value, is_kept, figures)


def _altered(*, is_of_invoices: bool) -> int:
    chains = [chain for _schema, chain in chain_heads.alarms()]
    return sum(chain.startswith(INVOICE_CHAIN) is is_of_invoices for chain in chains)


def _of_tenants(*, unreadable: int, now: datetime) -> Promise:
    """Return the promise of tenants: none is outdated or unreadable, and each ordered one is built in time.

    ``unreadable`` is the number of schemas that the sweeper cannot read. ``unbuilt`` shows a dead provisioner.
    """
    is_outdated = Q(state__in=Tenant.SERVED) & ~Q(schema_version=CURRENT_VERSION)
    is_late = Q(
        state__in=(Tenant.State.ORDERED, Tenant.State.PROVISIONING),
        created_at__lt=now - BUILD_TOLERANCE,
    )
    with inside(ROUTER):
        found = Tenant.objects.aggregate(
            behind=Count("id", filter=is_outdated), unbuilt=Count("id", filter=is_late)
        )
    behind, unbuilt = found["behind"], found["unbuilt"]
    is_kept = behind == unreadable == unbuilt == 0
    return Promise(
        "tenants", is_kept, {"behind": behind, "unreadable": unreadable, "unbuilt": unbuilt}
    )
