"""Whether what was promised is kept: erasures in time, reminders in time, duties done (B-27, S-20).

Read as the sweeper, with one query per hundred schemas; numbers only, no person, no practice.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError

from booking.kinds import REMINDER
from booking.services.google.lights import stuck_accounts
from config.health import broker
from tenants import across
from tenants.heartbeat import Duty, ages
from tenants.models import Tenant
from tenants.provisioning.template import CURRENT_VERSION
from tenants.routing import kept_units
from tenants.schema import ROUTER, Unit, inside

ERASURE_TOLERANCE = timedelta(minutes=60)
REMINDER_TOLERANCE = timedelta(minutes=15)
REMINDER_LIFE = timedelta(hours=2)
"""A reminder expires two hours after its hour, or at eight in the evening: ``due_at`` moves, this does not."""
DUTY_TOLERANCE = {
    Duty.SWEEP: timedelta(minutes=2),
    Duty.PURGE: timedelta(minutes=15),
    Duty.SEAL: timedelta(minutes=15),
}
"""A few missed turns: the sweep runs every 30 s, the purge every 5 minutes, the sealing every minute."""


@dataclass(frozen=True)
class Promise:
    """One promise, whether it is kept, and the number that says so."""

    name: str
    is_kept: bool
    figures: dict[str, int | bool | None] = field(default_factory=dict)


def all_promises(*, now: datetime) -> list[Promise]:
    """Return every promise with its state; a database that does not answer breaks the first."""
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
    found = across.read(kept_units(), _counts, values)
    overdue = sum(overdue for _unit, (overdue, _at_risk) in found.rows)
    at_risk = sum(at_risk for _unit, (_overdue, at_risk) in found.rows)
    return [
        Promise("erasures", overdue == 0, {"overdue": overdue}),
        Promise("reminders", at_risk == 0, {"at_risk": at_risk}),
        _of_spaces(unreadable=len(found.unreadable)),
    ]


def _counts(unit: Unit) -> str:
    """A first attempt that is under way is no risk: whoever tries again has failed once."""
    return (
        f'SELECT (SELECT count(*) FROM "{unit.schema}".booking_patientcontact WHERE erase_at < %s)'  # noqa: S608
        f' + (SELECT count(*) FROM "{unit.schema}".booking_waitingentry WHERE erase_at < %s),'
        f" (SELECT count(*) FROM \"{unit.schema}\".outbox_outboxentry WHERE state = 'pending' AND kind = %s"
        " AND (due_at < %s OR (attempts > 1 AND expires_at < %s)))"
    )


def _of_calendars(*, now: datetime) -> Promise:
    """A link that only its practitioner can make again is theirs to mend, and no promise of ours."""
    stuck = stuck_accounts(now=now)
    return Promise("calendars", stuck.failing == 0, {"stuck": stuck.failing, "lost": stuck.lost})


def _of_duties(*, now: datetime) -> list[Promise]:
    return [
        Promise(
            duty.value,
            age is not None and age <= DUTY_TOLERANCE[duty],
            {"age_seconds": None if age is None else int(age.total_seconds())},
        )
        for duty, age in ages(now=now).items()
    ]


def _of_spaces(*, unreadable: int) -> Promise:
    """Practices whose schema is behind the code are not served: somebody must migrate them.

    ``unreadable`` are those in which not even the erasures can be looked for.
    """
    with inside(ROUTER):
        served = Tenant.objects.filter(state__in=Tenant.SERVED)
        behind = served.exclude(schema_version=CURRENT_VERSION).count()
    is_kept = behind == unreadable == 0
    return Promise("spaces", is_kept, {"behind": behind, "unreadable": unreadable})
