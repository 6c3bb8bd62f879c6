"""What clients add to the overview of the staff pages (A1): tiles, and the lists below them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Min, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.clients import queries
from billing.clients.troubles import LABELS, QUEUE_TOLERANCE, Trouble, in_trouble
from tenants.desk.fragments import Fragment
from tenants.desk.overview import OverviewList, Tile, TileGroup
from tenants.heartbeat import Duty, is_on_time, monitored
from tenants.models import Health, Heartbeat, Tenant
from tenants.outbox.models import OutboxEntry

TO_DO_SHOWN = 10
CHANGES_SHOWN = 20
CHANGES_SINCE = timedelta(days=7)


def health_tiles(now: datetime) -> list[Tile]:
    """Return the sums over all clients: overdue erasures, reminders at risk, failed messages."""
    sums: Mapping[str, int | None] = Health.objects.aggregate(
        erasures=Sum("overdue_erasures"),
        reminders=Sum("reminders_at_risk"),
        messages=Sum("failed_messages"),
    )
    return [
        _counted(Trouble.ERASURES, sums["erasures"], _("plus d’une heure après leur date")),
        _counted(
            Trouble.REMINDERS, sums["reminders"], _("à partir, ou essayés et bientôt trop tard")
        ),
        _counted(Trouble.MESSAGES, sums["messages"], _("en sept jours, tous cabinets")),
    ]


def queue_tiles(now: datetime) -> list[Tile]:
    """Return the age of the oldest outbox entry that is due, in ``public`` and in all tenants."""
    pending = OutboxEntry.objects.filter(state=OutboxEntry.EntryState.PENDING, due_at__lte=now)
    instants = [
        Health.objects.aggregate(at=Min("waiting_since"))["at"],
        pending.aggregate(at=Min("due_at"))["at"],
    ]
    oldest = min((at for at in instants if at is not None), default=None)
    waited = now - oldest if oldest else timedelta(0)
    return [
        Tile(
            _("Âge de la file"),
            duration_text(waited.total_seconds()),
            waited <= QUEUE_TOLERANCE,
            _("plus ancien envoi en attente"),
            url=_list_url(Trouble.QUEUE),
        )
    ]


def duty_tiles(now: datetime) -> list[Tile]:
    """Return how long ago each recurring duty last succeeded."""
    last = dict(Heartbeat.objects.values_list("duty", "at"))
    texts = {
        Duty.SWEEP: (_("Dernier balayage"), _("toutes les trente secondes"), Trouble.QUEUE),
        Duty.EXPIRY: (_("Dernier effacement"), _("toutes les cinq minutes"), Trouble.ERASURES),
        Duty.SEAL: (_("Dernier scellement"), _("chaque minute, le journal"), Trouble.COLLECTION),
        Duty.AUDIT: (_("Dernière vérification"), _("chaque jour, le journal"), Trouble.COLLECTION),
        Duty.INVOICES: (
            _("Factures vérifiées"),
            _("chaque jour, numéros et empreintes"),
            Trouble.COLLECTION,
        ),
        Duty.PERIODS: (
            _("Derniers brouillons"),
            _("chaque heure, périodes à facturer"),
            Trouble.COLLECTION,
        ),
        Duty.BACKUP: (_("Dernière sauvegarde"), _("chaque nuit"), Trouble.COLLECTION),
    }
    tiles = []
    for duty in monitored():
        label, detail, trouble = texts[duty]
        age = now - last[duty] if duty in last else None
        number = duration_text(max(0.0, age.total_seconds())) if age is not None else _("jamais")
        is_good = is_on_time(duty=duty, age=age)
        tiles.append(Tile(label, number, is_good, detail, url=_list_url(trouble)))
    return tiles


def provisioning_tiles(now: datetime) -> list[Tile]:
    """Return how many tenants are built late, have an old schema, or have an old health."""
    details = {
        Trouble.BUILD: _("commandés depuis dix minutes, ou en échec"),
        Trouble.VERSION: _("fermés tant qu’ils sont en retard"),
        Trouble.COLLECTION: _("plus de trente minutes"),
    }
    return [
        _counted(trouble, Tenant.objects.filter(in_trouble(trouble, now=now)).count(), detail)
        for trouble, detail in details.items()
    ]


def to_do(now: datetime) -> Fragment:
    """Return the clients that staff must act on, the worst first."""
    clients = queries.clients_in_trouble(limit=TO_DO_SHOWN, now=now)
    return Fragment("clients/to_do.html", {"rows": queries.rows_of(clients, now=now)})


def changes(now: datetime) -> Fragment:
    """Return the clients that were ordered, opened or suspended in the last seven days."""
    changed = queries.clients_changed_since(now - CHANGES_SINCE)[:CHANGES_SHOWN]
    return Fragment("clients/changes.html", {"clients": changed})


def duration_text(seconds: float) -> str:
    """Return « 9 s », « 12 min », « 3 h » or « 2 j », with a no-break space."""
    if seconds < 60:
        return f"{int(seconds)}\u00a0s"
    if seconds < 3600:
        return f"{int(seconds // 60)}\u00a0min"
    if seconds < 2 * 86400:
        return f"{int(seconds // 3600)}\u00a0h"
    return f"{int(seconds // 86400)}\u00a0j"


TILE_GROUPS = (
    TileGroup("health", order=10, read=health_tiles),
    TileGroup("queue", order=20, read=queue_tiles),
    TileGroup("duties", order=30, read=duty_tiles),
    TileGroup("provisioning", order=40, read=provisioning_tiles),
)
LISTS = (
    OverviewList("to_do", order=10, read=to_do),
    OverviewList("changes", order=20, read=changes),
)


def _counted(trouble: Trouble, count: int | None, detail: str) -> Tile:
    label = str(LABELS[trouble])
    return Tile(label, str(count or 0), not count, detail, url=_list_url(trouble))


def _list_url(trouble: Trouble) -> str:
    return f"{reverse('clients:list')}?souci={trouble}"
