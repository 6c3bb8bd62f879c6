"""The history of a client: the steps of its provisioning and the actions of staff, the newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.clients.models import Client
from tenants.accounts.models import User
from tenants.audit.models import AuditEvent
from tenants.audit.services import actor_of
from tenants.models import Tenant

LABELS: Mapping[str, Promise | str] = MappingProxyType(
    {
        "tenant.ordered": _("Commandé"),
        "client.statement_accepted": _("Identité écrite par le cabinet reprise au dossier"),
        "client.statement_refused": _("Identité écrite par le cabinet non reprise"),
        "tenant.corrected": _("Noms ou adresse du titulaire corrigés"),
        "tenant.check_requested": _("Relevé demandé"),
        "tenant.opening_requested": _("Mise en ligne demandée"),
        "tenant.opened": _("Mis en ligne"),
        "tenant.seeding_requested": _("Préparation recommencée"),
        "tenant.suspended": _("Suspendu"),
        "tenant.resumed": _("Repris"),
        "tenant.invitation_requested": _("Nouveau lien demandé pour le titulaire"),
        "tenant.invitation_withdrawn": _("Retrait de l’invitation demandé"),
    }
)
"""What the history says for each verb of the audit trail."""
FILE_LABELS: Mapping[str, Promise | str] = MappingProxyType(
    {
        "client.created": _("Dossier ouvert"),
        "client.corrected": _("Identité ou adresses corrigées"),
        "client.territory_confirmed": _("Territoire confirmé"),
    }
)
"""What the history of a client's file says for each verb."""
LINES_SHOWN = 50


@dataclass(frozen=True)
class HistoryLine:
    """A step or an action; ``author`` is "" when no person did it, ``error`` a code."""

    at: datetime
    label: str
    author: str = ""
    error: str = ""


def history_of(tenant: Tenant) -> list[HistoryLine]:
    """Return the last 50 lines of a client's history, with three queries."""
    events = list(
        AuditEvent.objects.filter(ref=tenant.ref, verb__in=LABELS).order_by("-id")[:LINES_SHOWN]
    )
    steps = tenant.steps.order_by("-id")[:LINES_SHOWN]
    names = _names({event.actor for event in events})
    lines = [
        *(HistoryLine(step.at, step.get_name_display(), error=step.error) for step in steps),
        *(
            HistoryLine(event.at, str(LABELS[event.verb]), author=names.get(event.actor, ""))
            for event in events
        ),
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:LINES_SHOWN]


def file_history(client: Client) -> list[HistoryLine]:
    """Return the last 50 actions of staff on a client's file, the newest first, with two queries."""
    events = list(
        AuditEvent.objects.filter(ref=client.ref, verb__in=FILE_LABELS).order_by("-id")[
            :LINES_SHOWN
        ]
    )
    names = _names({event.actor for event in events})
    return [
        HistoryLine(event.at, str(FILE_LABELS[event.verb]), author=names.get(event.actor, ""))
        for event in events
    ]


def _names(actors: set[str]) -> dict[str, str]:
    keys = [int(actor.removeprefix("user:")) for actor in actors if actor.startswith("user:")]
    return {actor_of(user.pk): user.get_full_name() for user in User.objects.filter(pk__in=keys)}
