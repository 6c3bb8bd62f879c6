"""The state of the house in a few numbers, each red or green and each leading somewhere (A1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db.models import Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.desk.health import STALE_AFTER
from tenants.heartbeat import Duty
from tenants.models import Health, Heartbeat, Tenant
from tenants.outbox.models import OutboxEntry
from tenants.provisioning.template import CURRENT_VERSION

QUEUE_TOLERANCE = timedelta(minutes=5)
BUILD_TOLERANCE = timedelta(minutes=10)
DUTY_TOLERANCE = {
    Duty.SWEEP: timedelta(minutes=2),
    Duty.PURGE: timedelta(minutes=15),
    Duty.SEAL: timedelta(minutes=15),
}
TO_DO = 10

TROUBLES = MappingProxyType(
    {
        "effacements": gettext_lazy("Effacements en retard"),
        "rappels": gettext_lazy("Rappels à risque"),
        "messages": gettext_lazy("Messages non remis"),
        "file": gettext_lazy("Envois qui attendent"),
        "construction": gettext_lazy("Espaces en construction"),
        "version": gettext_lazy("Espaces à mettre à jour"),
        "releve": gettext_lazy("Relevés anciens"),
    }
)
"""The troubles a client can have, by their word in addresses."""


@dataclass(frozen=True)
class Tile:
    """One number; ``trouble`` names the list of clients it leads to."""

    label: str
    number: str
    is_good: bool
    detail: str
    trouble: str


def in_trouble(trouble: str, *, now: datetime) -> Q:
    """Return the condition on clients for one of the troubles."""
    is_served = Q(state__in=Tenant.SERVED)
    stale = Q(health__isnull=True) | Q(health__checked_at__lt=now - STALE_AFTER)
    is_building = Q(state__in=(Tenant.State.ORDERED, Tenant.State.PROVISIONING))
    is_late = ~Q(last_error="") | Q(created_at__lt=now - BUILD_TOLERANCE)
    return {
        "effacements": Q(health__overdue_erasures__gt=0),
        "rappels": Q(health__reminders_at_risk__gt=0),
        "messages": Q(health__failed_messages__gt=0),
        "file": Q(health__waiting_since__lt=now - QUEUE_TOLERANCE),
        "construction": is_building & is_late,
        "version": is_served & ~Q(schema_version=CURRENT_VERSION),
        "releve": is_served & stale,
    }[trouble]


def tiles(*, now: datetime) -> list[Tile]:
    """Return the numbers, in the order of their urgency; as many queries for one client as for all."""
    sums: Mapping[str, int | None] = Health.objects.aggregate(
        effacements=Sum("overdue_erasures"),
        rappels=Sum("reminders_at_risk"),
        messages=Sum("failed_messages"),
    )
    details = {
        "effacements": _("plus d’une heure après leur date"),
        "rappels": _("à partir, ou essayés et bientôt trop tard"),
        "messages": _("en sept jours, tous cabinets"),
    }
    counted = [
        _counted(name, sums[name] or 0, details[name])
        for name in ("effacements", "rappels", "messages")
    ]
    return [*counted, _queue(now), *_duties(now), *_spaces(now)]


def to_do(*, now: datetime) -> list[tuple[Tenant, list[str]]]:
    """Return the clients in trouble, the worst first, with what is wrong."""
    any_trouble = Q()
    for name in TROUBLES:
        any_trouble |= in_trouble(name, now=now)
    worst = (
        Tenant.objects.filter(any_trouble)
        .select_related("health")
        .order_by(
            "-health__overdue_erasures", "-health__reminders_at_risk", "-health__failed_messages"
        )
    )
    found: list[Tenant] = list(worst[:TO_DO])
    return [(one, troubles_of(one, now=now)) for one in found]


def troubles_of(tenant: Tenant, *, now: datetime) -> list[str]:
    """Return what is wrong with one client, in words; ``health`` must have been read with it."""
    health: Health | None = getattr(tenant, "health", None)
    is_served = tenant.state in Tenant.SERVED
    has = {
        "effacements": health is not None and health.overdue_erasures > 0,
        "rappels": health is not None and health.reminders_at_risk > 0,
        "messages": health is not None and health.failed_messages > 0,
        "file": health is not None and _waits_too_long(health, now),
        "construction": tenant.state in {Tenant.State.ORDERED, Tenant.State.PROVISIONING}
        and (bool(tenant.last_error) or tenant.created_at < now - BUILD_TOLERANCE),
        "version": is_served and tenant.schema_version != CURRENT_VERSION,
        "releve": is_served and (health is None or health.checked_at < now - STALE_AFTER),
    }
    return [str(label) for name, label in TROUBLES.items() if has[name]]


def moved_since(at: datetime) -> QuerySet[Tenant]:
    """Return the clients who were ordered, opened or suspended since an instant, by name."""
    return Tenant.objects.filter(
        Q(created_at__gte=at) | Q(live_at__gte=at) | Q(suspended_at__gte=at)
    ).order_by("name", "id")


def span(seconds: float) -> str:
    """Return « 9 s », « 12 min », « 3 h » or « 2 j »."""
    if seconds < 60:
        return f"{int(seconds)}\u00a0s"
    if seconds < 3600:
        return f"{int(seconds // 60)}\u00a0min"
    if seconds < 2 * 86400:
        return f"{int(seconds // 3600)}\u00a0h"
    return f"{int(seconds // 86400)}\u00a0j"


def _waits_too_long(health: Health, now: datetime) -> bool:
    return health.waiting_since is not None and health.waiting_since < now - QUEUE_TOLERANCE


def _counted(name: str, count: int, detail: str) -> Tile:
    return Tile(str(TROUBLES[name]), str(count), count == 0, detail, trouble=name)


def _queue(now: datetime) -> Tile:
    ours = OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING, due_at__lte=now)
    instants = [
        Health.objects.aggregate(at=Min("waiting_since"))["at"],
        ours.aggregate(at=Min("due_at"))["at"],
    ]
    oldest = min((at for at in instants if at is not None), default=None)
    waited = now - oldest if oldest else timedelta(0)
    return Tile(
        _("Âge de la file"),
        span(waited.total_seconds()),
        waited <= QUEUE_TOLERANCE,
        _("plus ancien envoi en attente"),
        trouble="file",
    )


def _duties(now: datetime) -> list[Tile]:
    known = dict(Heartbeat.objects.values_list("duty", "at"))
    said = {
        Duty.SWEEP: (_("Dernier balayage"), _("toutes les trente secondes"), "file"),
        Duty.PURGE: (_("Dernier effacement"), _("toutes les cinq minutes"), "effacements"),
        Duty.SEAL: (_("Dernier scellement"), _("chaque minute, le journal"), "releve"),
    }
    found = []
    for duty, (label, detail, trouble) in said.items():
        age = now - known[duty] if duty in known else None
        number = span(max(0.0, age.total_seconds())) if age is not None else _("jamais")
        is_good = age is not None and age <= DUTY_TOLERANCE[duty]
        found.append(Tile(label, number, is_good, detail, trouble))
    return found


def _spaces(now: datetime) -> list[Tile]:
    said = {
        "construction": _("commandés depuis dix minutes, ou en échec"),
        "version": _("fermés tant qu’ils sont en retard"),
        "releve": _("plus de trente minutes"),
    }
    return [
        _counted(name, Tenant.objects.filter(in_trouble(name, now=now)).count(), detail)
        for name, detail in said.items()
    ]
