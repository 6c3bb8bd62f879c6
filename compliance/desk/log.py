"""What happened to a client's space: the provisioner's steps and the desk's acts, the last ones first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.accounts.models import User
from tenants.models import Tenant
from tenants.trail.models import Act
from tenants.trail.services import actor_of

SAID: Mapping[str, Promise | str] = MappingProxyType(
    {
        "tenant.ordered": _("Commandé"),
        "tenant.looked_at": _("Relevé demandé"),
        "tenant.opening_asked": _("Mise en ligne demandée"),
        "tenant.opened": _("Mis en ligne"),
        "tenant.settling_asked": _("Préparation recommencée"),
        "tenant.suspended": _("Suspendu"),
        "tenant.resumed": _("Repris"),
        "tenant.invited_again": _("Nouveau lien demandé pour le titulaire"),
        "tenant.invitation_withdrawn": _("Retrait de l’invitation demandé"),
    }
)
SHOWN = 50


@dataclass(frozen=True)
class Line:
    """One step or one act. ``who`` is "" when no person did it."""

    at: datetime
    said: str
    who: str = ""
    error: str = ""


def lines(tenant: Tenant) -> list[Line]:
    """Return the last lines of a client's log, in three queries."""
    acts = list(Act.objects.filter(ref=tenant.ref, verb__in=SAID).order_by("-id")[:SHOWN])
    steps = tenant.steps.order_by("-id")[:SHOWN]
    names = _names({act.actor for act in acts})
    found = [
        *(Line(at=step.at, said=step.get_name_display(), error=step.error) for step in steps),
        *(Line(at=act.at, said=str(SAID[act.verb]), who=names.get(act.actor, "")) for act in acts),
    ]
    return sorted(found, key=lambda line: line.at, reverse=True)[:SHOWN]


def _names(actors: set[str]) -> dict[str, str]:
    keys = [int(actor.removeprefix("user:")) for actor in actors if actor.startswith("user:")]
    return {actor_of(user.pk): user.get_full_name() for user in User.objects.filter(pk__in=keys)}
