"""What a space needs before it opens (G-10): named checks, to which later work adds its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from booking.models import AppointmentType, Practice
from booking.queries import free_slots
from tenants.accounts.models import Membership, Role


@dataclass(frozen=True)
class ReadinessCheck:
    """One thing that must hold; ``holds`` is asked inside the tenant's unit and only reads."""

    name: str
    label: Promise | str
    holds: Callable[[datetime], bool]


_checks: dict[str, ReadinessCheck] = {}


def register_check(check: ReadinessCheck) -> None:
    """Ask for one more thing before a space opens; a name is registered once."""
    if check.name in _checks:
        raise ValueError(check.name)
    _checks[check.name] = check


def checks() -> list[ReadinessCheck]:
    """Return the checks in the order of their registration."""
    return list(_checks.values())


def results(*, now: datetime) -> dict[str, bool]:
    """Ask every check, inside the tenant's unit."""
    return {check.name: check.holds(now) for check in checks()}


def _owner_signed_in(now: datetime) -> bool:
    held = Membership.objects.filter(role=Role.OWNER, revoked_at__isnull=True)
    return held.filter(user__is_active=True, user__last_login__isnull=False).exists()


def _legal_identity_filled(now: datetime) -> bool:
    practice = Practice.objects.first()
    return practice is not None and practice.has_legal_identity


def _slot_bookable(now: datetime) -> bool:
    online = AppointmentType.objects.filter(is_active=True, channel=AppointmentType.Channel.ONLINE)
    return any(
        free_slots(
            appointment_type=motif,
            from_on=now.date(),
            until_on=now.date() + timedelta(days=motif.horizon_days),
            now=now,
        )
        for motif in online
    )


register_check(
    ReadinessCheck("owner_signed_in", _("Le titulaire s’est connecté"), _owner_signed_in)
)
register_check(
    ReadinessCheck("legal_identity", _("L’identité légale est remplie"), _legal_identity_filled)
)
register_check(
    ReadinessCheck("bookable_slot", _("Un créneau est réservable en ligne"), _slot_bookable)
)
