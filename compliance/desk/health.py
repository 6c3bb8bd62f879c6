"""How a client's space works: counted inside it by a worker, noted outside it as numbers (ADR 16)."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Min, Q

from booking.kinds import REMINDER
from booking.models import Appointment, PatientContact, WaitingEntry
from tenants.accounts.models import Invitation, Membership, Role
from tenants.models import Health, Tenant
from tenants.outbox.models import OutboxEntry

ERASURE_TOLERANCE = timedelta(minutes=60)
REMINDER_TOLERANCE = timedelta(minutes=15)
REMINDER_LIFE = timedelta(hours=2)
"""As in the promises of ``config.health``: a test compares them."""
FAILURES_SHOWN = timedelta(days=7)
STALE_AFTER = timedelta(minutes=30)
"""Three missed looks: the numbers of the desk are old."""
State = Health.Invitation


@dataclass(frozen=True)
class Figures:
    """What one look finds. A day, two instants, three counts and a state; nobody."""

    owner_invitation: str
    owner_invited_until: datetime | None
    last_booked_on: date | None
    failed_messages: int
    overdue_erasures: int
    reminders_at_risk: int
    waiting_since: datetime | None


def look(*, zone: str, now: datetime) -> Figures:
    """Count, inside the tenant's unit; ``zone`` is the practice's."""
    invitation = owner_invitation()
    pending = OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING)
    failed = OutboxEntry.objects.filter(
        state=OutboxEntry.State.FAILED, finished_at__gte=now - FAILURES_SHOWN
    )
    is_late = Q(erase_at__lt=now - ERASURE_TOLERANCE)
    late = (
        PatientContact.objects.filter(is_late).count()
        + WaitingEntry.objects.filter(is_late).count()
    )
    return Figures(
        owner_invitation=_state_of(invitation, now=now),
        owner_invited_until=invitation.expires_at if invitation else None,
        last_booked_on=_last_booked_on(ZoneInfo(zone)),
        failed_messages=failed.count(),
        overdue_erasures=late,
        reminders_at_risk=pending.filter(_is_at_risk(now)).count(),
        waiting_since=pending.filter(due_at__lte=now).aggregate(at=Min("due_at"))["at"],
    )


def note(*, tenant_id: int, figures: Figures, now: datetime) -> None:
    """Keep what was found, in ``public``."""
    Health.objects.update_or_create(
        tenant_id=tenant_id, defaults={**asdict(figures), "checked_at": now}
    )


def owner_invitation() -> Invitation | None:
    """Return the invitation that lib-rdv sent to the owner, inside the tenant's unit."""
    ours = Invitation.objects.filter(role=Role.OWNER, invited_by__isnull=True)
    return ours.order_by("-created_at", "-pk").first()


def is_stale(health: Health | None, tenant: Tenant, *, now: datetime) -> bool:
    """Return whether the last look at a space that is served is too old to be believed."""
    if tenant.state not in Tenant.SERVED:
        return False
    return health is None or now - health.checked_at > STALE_AFTER


def _state_of(invitation: Invitation | None, *, now: datetime) -> str:
    if invitation is None:
        # Accepted ones are forgotten after a while; the role of owner says that there was one.
        has_owner = Membership.objects.filter(role=Role.OWNER).exists()
        return State.ACCEPTED if has_owner else State.NONE
    if invitation.accepted_at is not None:
        return State.ACCEPTED
    if invitation.revoked_at is not None:
        return State.WITHDRAWN
    return State.OPEN if invitation.is_open(now=now) else State.EXPIRED


def _last_booked_on(zone: ZoneInfo) -> date | None:
    # The newest row, not the greatest instant: keys grow with time, and only the key has an index.
    booked = Appointment.objects.exclude(status=Appointment.Status.HELD).order_by("-pk")
    at = booked.filter(booked_at__isnull=False).values_list("booked_at", flat=True).first()
    return at.astimezone(zone).date() if at else None


def _is_at_risk(now: datetime) -> Q:
    is_late = Q(due_at__lt=now - REMINDER_TOLERANCE)
    is_retried = Q(attempts__gt=1, expires_at__lt=now + REMINDER_LIFE - REMINDER_TOLERANCE)
    return Q(kind=REMINDER) & (is_late | is_retried)
