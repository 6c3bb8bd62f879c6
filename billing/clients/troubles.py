"""The troubles of a client: conditions that staff must act on, each a filter of the list and a label."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.clients.health import STALE_AFTER, is_stale
from tenants.models import Health, Tenant
from tenants.provisioning.template import CURRENT_VERSION

QUEUE_TOLERANCE = timedelta(minutes=5)
BUILD_TOLERANCE = timedelta(minutes=10)


class Trouble(StrEnum):
    """A trouble by its word in addresses (``?souci=``), the most urgent first."""

    ERASURES = "effacements"
    REMINDERS = "rappels"
    MESSAGES = "messages"
    QUEUE = "file"
    BUILD = "construction"
    VERSION = "version"
    COLLECTION = "releve"


LABELS: Mapping[Trouble, Promise | str] = MappingProxyType(
    {
        Trouble.ERASURES: _("Effacements en retard"),
        Trouble.REMINDERS: _("Rappels à risque"),
        Trouble.MESSAGES: _("Messages non remis"),
        Trouble.QUEUE: _("Envois qui attendent"),
        Trouble.BUILD: _("Espaces en construction"),
        Trouble.VERSION: _("Espaces à mettre à jour"),
        Trouble.COLLECTION: _("Relevés anciens"),
    }
)


def in_trouble(trouble: Trouble, *, now: datetime) -> Q:
    """Return the condition on rows of ``Tenant`` for a trouble."""
    is_served = Q(state__in=Tenant.SERVED)
    has_old_health = Q(health__isnull=True) | Q(health__checked_at__lt=now - STALE_AFTER)
    is_building = Q(state__in=(Tenant.State.ORDERED, Tenant.State.PROVISIONING))
    is_late = ~Q(last_error="") | Q(created_at__lt=now - BUILD_TOLERANCE)
    return {
        Trouble.ERASURES: Q(health__overdue_erasures__gt=0),
        Trouble.REMINDERS: Q(health__reminders_at_risk__gt=0),
        Trouble.MESSAGES: Q(health__failed_messages__gt=0),
        Trouble.QUEUE: Q(health__waiting_since__lt=now - QUEUE_TOLERANCE),
        Trouble.BUILD: is_building & is_late,
        Trouble.VERSION: is_served & ~Q(schema_version=CURRENT_VERSION),
        Trouble.COLLECTION: is_served & has_old_health,
    }[trouble]


def in_any_trouble(*, now: datetime) -> Q:
    """Return the condition on rows of ``Tenant`` for one trouble at least."""
    condition = Q()
    for trouble in Trouble:
        condition |= in_trouble(trouble, now=now)
    return condition


def troubles_of(tenant: Tenant, *, now: datetime) -> list[str]:
    """Return the labels of a client's troubles; no query when the client was read with its ``health``.

    The conditions are those of ``in_trouble``.
    """
    health: Health | None = getattr(tenant, "health", None)
    is_served = tenant.state in Tenant.SERVED
    is_building = tenant.state in {Tenant.State.ORDERED, Tenant.State.PROVISIONING}
    is_late = bool(tenant.last_error) or tenant.created_at < now - BUILD_TOLERANCE
    has = {
        Trouble.ERASURES: health is not None and health.overdue_erasures > 0,
        Trouble.REMINDERS: health is not None and health.reminders_at_risk > 0,
        Trouble.MESSAGES: health is not None and health.failed_messages > 0,
        Trouble.QUEUE: health is not None and _waits_too_long(health, now),
        Trouble.BUILD: is_building and is_late,
        Trouble.VERSION: is_served and tenant.schema_version != CURRENT_VERSION,
        Trouble.COLLECTION: is_stale(health, tenant, now=now),
    }
    return [str(LABELS[trouble]) for trouble in Trouble if has[trouble]]


def _waits_too_long(health: Health, now: datetime) -> bool:
    return health.waiting_since is not None and health.waiting_since < now - QUEUE_TOLERANCE
