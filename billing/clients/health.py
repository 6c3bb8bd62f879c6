"""The health of a client's tenant: collected inside it by a worker, recorded in ``public`` as numbers (ADR 16)."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Min, Q

from booking.models import Appointment, PatientContact, WaitingEntry
from booking.rules.kinds import REMINDER
from tenants.accounts.models import Invitation, Membership, Role
from tenants.models import Health, Tenant
from tenants.outbox.models import OutboxEntry

ERASURE_TOLERANCE = timedelta(minutes=60)
REMINDER_TOLERANCE = timedelta(minutes=15)
REMINDER_LIFE = timedelta(hours=2)
"""Equal to the tolerances of ``config.health.promises``, which this room may not import; a test compares them."""
FAILURES_SHOWN = timedelta(days=7)
STALE_AFTER = timedelta(minutes=30)
"""Three missed collections: the numbers are too old to be relied on."""
InvitationState = Health.InvitationState


@dataclass(frozen=True)
class HealthFigures:
    """Fields of ``Health``: counts, instants, a local day and a state, without data about a person."""

    owner_invitation: str
    owner_invited_until: datetime | None
    last_booked_on: date | None
    failed_messages: int
    overdue_erasures: int
    reminders_at_risk: int
    waiting_since: datetime | None


def collect_health(*, zone: str, now: datetime) -> HealthFigures:
    """Count inside the tenant's unit; ``zone`` is the practice's, in which ``last_booked_on`` is a day."""
    invitation = owner_invitation()
    pending = OutboxEntry.objects.filter(state=OutboxEntry.EntryState.PENDING)
    failed = OutboxEntry.objects.filter(
        state=OutboxEntry.EntryState.FAILED, finished_at__gte=now - FAILURES_SHOWN
    )
    is_overdue = Q(erase_at__lt=now - ERASURE_TOLERANCE)
    overdue = (
        PatientContact.objects.filter(is_overdue).count()
        + WaitingEntry.objects.filter(is_overdue).count()
    )
    return HealthFigures(
        owner_invitation=_state_of(invitation, now=now),
        owner_invited_until=invitation.expires_at if invitation else None,
        last_booked_on=_last_booked_on(ZoneInfo(zone)),
        failed_messages=failed.count(),
        overdue_erasures=overdue,
        reminders_at_risk=pending.filter(_is_at_risk(now)).count(),
        waiting_since=pending.filter(due_at__lte=now).aggregate(at=Min("due_at"))["at"],
    )


def record_health(*, tenant_id: int, figures: HealthFigures, now: datetime) -> None:
    """Replace the row of ``Health`` of a tenant, inside the unit ``public``."""
    Health.objects.update_or_create(
        tenant_id=tenant_id, defaults={**asdict(figures), "checked_at": now}
    )


def owner_invitation() -> Invitation | None:
    """Return the newest invitation that lib-rdv sent to the owner, inside the tenant's unit."""
    ours = Invitation.objects.filter(role=Role.OWNER, invited_by__isnull=True)
    return ours.order_by("-created_at", "-pk").first()


def is_stale(health: Health | None, tenant: Tenant, *, now: datetime) -> bool:
    """Return whether a tenant that is served has no health, or one older than ``STALE_AFTER``."""
    if tenant.state not in Tenant.SERVED:
        return False
    return health is None or now - health.checked_at > STALE_AFTER


def _state_of(invitation: Invitation | None, *, now: datetime) -> str:
    if invitation is None:
        # Accepted invitations are deleted after a while; the role of owner shows that there was one.
        has_owner = Membership.objects.filter(role=Role.OWNER).exists()
        return InvitationState.ACCEPTED if has_owner else InvitationState.NONE
    if invitation.accepted_at is not None:
        return InvitationState.ACCEPTED
    if invitation.revoked_at is not None:
        return InvitationState.WITHDRAWN
    return InvitationState.OPEN if invitation.is_open(now=now) else InvitationState.EXPIRED


def _last_booked_on(zone: ZoneInfo) -> date | None:
    # The newest row, not the greatest instant: keys grow with time, and only the key has an index.
    booked = Appointment.objects.exclude(status=Appointment.Status.HELD).order_by("-pk")
    at = booked.filter(booked_at__isnull=False).values_list("booked_at", flat=True).first()
    return at.astimezone(zone).date() if at else None


def _is_at_risk(now: datetime) -> Q:
    is_late = Q(due_at__lt=now - REMINDER_TOLERANCE)
    is_retried = Q(attempts__gt=1, expires_at__lt=now + REMINDER_LIFE - REMINDER_TOLERANCE)
    return Q(kind=REMINDER) & (is_late | is_retried)
