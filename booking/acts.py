"""The acts of the trail in French: what was done, never about whom."""

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SAID: Mapping[str, Promise | str] = MappingProxyType(
    {
        "appointment.booked": _("Rendez-vous pris"),
        "appointment.moved": _("Rendez-vous déplacé"),
        "appointment.cancelled": _("Rendez-vous annulé"),
        "appointment.fulfilled": _("Personne notée venue"),
        "appointment.noshow": _("Personne notée absente"),
        "appointment.unmarked": _("Venue ou absence reprise"),
        "contact.corrected": _("Coordonnées corrigées"),
        "reminder.stopped": _("Rappel arrêté"),
        "erasure.asked": _("Effacement demandé"),
        "absence.added": _("Temps bloqué"),
        "absence.removed": _("Temps rouvert"),
        "hours.changed": _("Horaires changés"),
        "hours.date_changed": _("Horaires d’un jour changés"),
        "holidays.changed": _("Jours fériés changés"),
        "motif.saved": _("Motif enregistré"),
        "motif.moved": _("Motif changé de place"),
        "motif.archived": _("Motif archivé"),
        "motif.restored": _("Motif repris des archives"),
        "place.saved": _("Lieu enregistré"),
        "place.archived": _("Lieu archivé"),
        "place.restored": _("Lieu repris des archives"),
        "form.published": _("Formulaire publié"),
        "practice.saved": _("Réglages du cabinet enregistrés"),
        "agenda.saved": _("Agenda enregistré"),
        "replacement.added": _("Remplacement annoncé"),
        "replacement.removed": _("Remplacement retiré"),
        "invitation.sent": _("Invitation envoyée"),
        "invitation.revoked": _("Invitation retirée"),
        "invitation.accepted": _("Invitation acceptée"),
        "role.given": _("Rôle reçu"),
        "role.changed": _("Rôle changé"),
        "role.revoked": _("Accès fermé"),
        "email.asked": _("Autre adresse de connexion demandée"),
        "email.given_up": _("Changement d’adresse abandonné"),
        "email.changed": _("Adresse de connexion changée"),
        "email.restored": _("Adresse de connexion remise"),
        "profile.saved": _("Nom changé"),
        "sessions.closed": _("Sessions fermées"),
    }
)
"""Every verb that a member of a practice can leave in its trail."""
OTHER = _("Autre acte")


def said_of(verb: str) -> str:
    """Return what a verb says; a word of later work that this list does not know yet stays neutral."""
    return str(SAID.get(verb, OTHER))
