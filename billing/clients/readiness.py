"""The go-live checks: what a tenant needs before its site opens (G-10). Other modules register more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from booking.models import AppointmentType
from booking.practice.legal_identity import has_legal_identity
from booking.scheduling.catalogue import practice_or_default
from booking.scheduling.queries import free_slots
from tenants.accounts.models import Membership, Role


@dataclass(frozen=True)
class ReadinessCheck:
    """A condition; ``is_met`` takes the current instant, only reads, and is called inside the tenant's unit."""

    name: str
    label: Promise | str
    is_met: Callable[[datetime], bool]


_checks: dict[str, ReadinessCheck] = {}


def register_check(check: ReadinessCheck) -> None:
    """Add a check; raise ValueError when its name is registered already."""
    if check.name in _checks:
        raise ValueError(check.name)
    _checks[check.name] = check


def checks() -> list[ReadinessCheck]:
    """Return the checks in the order of their registration."""
    return list(_checks.values())


def run_checks(*, now: datetime) -> dict[str, bool]:
    """Return the result of every check by name, inside the tenant's unit."""
    return {check.name: check.is_met(now) for check in checks()}


def _has_owner_signed_in(now: datetime) -> bool:
    owners = Membership.objects.filter(role=Role.OWNER, revoked_at__isnull=True)
    return owners.filter(user__is_active=True, user__last_login__isnull=False).exists()


def _has_legal_identity(now: datetime) -> bool:
    return has_legal_identity(practice_or_default())


def _has_bookable_slot(now: datetime) -> bool:
    online = AppointmentType.objects.filter(
        is_active=True, channel=AppointmentType.BookableBy.ONLINE
    )
    return any(
        free_slots(
            appointment_type=appointment_type,
            from_on=now.date(),
            until_on=now.date() + timedelta(days=appointment_type.horizon_days),
            now=now,
        )
        for appointment_type in online
    )


register_check(
    ReadinessCheck("owner_signed_in", _("Le titulaire s’est connecté"), _has_owner_signed_in)
)
register_check(
    ReadinessCheck("legal_identity", _("L’identité légale est remplie"), _has_legal_identity)
)
register_check(
    ReadinessCheck("bookable_slot", _("Un créneau est réservable en ligne"), _has_bookable_slot)
)
