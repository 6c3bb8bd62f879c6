"""French labels of the verbs of the audit trail; a label says what was done and names no person."""

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LABELS: Mapping[str, Promise | str] = MappingProxyType(
    {
        "appointment.booked": _("Rendez-vous pris"),
        "appointment.moved": _("Rendez-vous déplacé"),
        "appointment.cancelled": _("Rendez-vous annulé"),
        "appointment.late": _("Retard annoncé par la personne"),
        "appointment.fulfilled": _("Personne notée venue"),
        "appointment.noshow": _("Personne notée absente"),
        "appointment.unmarked": _("Venue ou absence reprise"),
        "appointment.resized": _("Durée d’un rendez-vous changée"),
        "appointment.called": _("Personne à joindre : noté comme fait"),
        "appointment.uncalled": _("Personne à joindre : signalée de nouveau"),
        "confirmation.resent": _("Confirmation renvoyée"),
        "message.resent": _("Message renvoyé"),
        "message.text.confirmation": _("Texte de la confirmation changé"),
        "message.text.reminder": _("Texte du rappel changé"),
        "message.text.moved": _("Texte de l’avis de déplacement changé"),
        "message.text.cancelled": _("Texte de l’avis d’annulation changé"),
        "digest.wanted": _("Résumé du jour demandé"),
        "digest.stopped": _("Résumé du jour arrêté"),
        "waiting.joined": _("Personne inscrite sur la liste d’attente"),
        "waiting.moved": _("Liste d’attente remise en ordre"),
        "waiting.left": _("Personne retirée de la liste d’attente"),
        "offer.made": _("Créneau proposé à la liste d’attente"),
        "offer.accepted": _("Créneau de la liste d’attente accepté"),
        "offer.refused": _("Créneau de la liste d’attente refusé"),
        "offer.expired": _("Créneau de la liste d’attente sans réponse"),
        "offer.withdrawn": _("Proposition de créneau reprise"),
        "offer.given_up": _("Créneau rendu à tous"),
        "contact.corrected": _("Coordonnées corrigées"),
        "reminder.stopped": _("Rappel arrêté"),
        "erasure.asked": _("Effacement demandé"),
        "absence.added": _("Temps bloqué"),
        "absence.removed": _("Temps rouvert"),
        "hours.changed": _("Horaires changés"),
        "hours.date_changed": _("Horaires d’un jour changés"),
        "holidays.changed": _("Jours fériés changés"),
        "appointment_type.saved": _("Motif enregistré"),
        "appointment_type.moved": _("Motif changé de place"),
        "appointment_type.archived": _("Motif archivé"),
        "appointment_type.restored": _("Motif repris des archives"),
        "place.saved": _("Lieu enregistré"),
        "appointment_type.deleted": _("Motif supprimé"),
        "place.moved": _("Lieu changé de place"),
        "place.deleted": _("Lieu supprimé"),
        "place.archived": _("Lieu archivé"),
        "place.restored": _("Lieu repris des archives"),
        "form.published": _("Formulaire publié"),
        "practice.saved": _("Réglages du cabinet enregistrés"),
        "practice.opening_requested": _("Mise en ligne demandée"),
        "notice.changed": _("Page de confidentialité changée"),
        "site.edited": _("Site modifié"),
        "site.card_saved": _("Présentation d’un praticien modifiée"),
        "site.number_shown": _("Numéro professionnel affiché"),
        "site.number_hidden": _("Numéro professionnel retiré de l’affichage"),
        "site.picture_added": _("Image ajoutée au site"),
        "site.picture_described": _("Description d’une image modifiée"),
        "site.picture_removed": _("Image retirée du site"),
        "site.questionnaire_answered": _("Questionnaire du site rempli"),
        "site.published": _("Site publié"),
        "site.unpublished": _("Site retiré de la publication"),
        "agenda.saved": _("Agenda enregistré"),
        "replacement.added": _("Remplacement annoncé"),
        "replacement.ended": _("Remplacement terminé avec l’accès de qui l’avait annoncé"),
        "replacement.removed": _("Remplacement retiré"),
        "calendar.connected": _("Agenda Google connecté"),
        "calendar.reconnected": _("Agenda Google reconnecté"),
        "calendar.disconnected": _("Agenda Google déconnecté"),
        "calendar.lost": _("Accès à l’agenda Google perdu"),
        "calendar.level.0": _("Dans Google Agenda : la référence seulement"),
        "calendar.level.1": _("Dans Google Agenda : les initiales"),
        "calendar.level.2": _("Dans Google Agenda : le nom et le téléphone, sur instruction"),
        "calendar.home_address.on": _(
            "Dans Google Agenda : l’adresse des visites, sur instruction"
        ),
        "calendar.home_address.off": _("Dans Google Agenda : sans l’adresse des visites"),
        "calendar.resynced": _("Agenda Google resynchronisé"),
        "calendar.restored": _("Rendez-vous remis dans Google Agenda"),
        "calendar.adopted": _("Heure de Google Agenda reprise"),
        "calendar.notified": _("Personne prévenue par téléphone d’une annulation"),
        "calendar.erased_by_hand": _("Effacement dans Google Agenda noté comme fait"),
        "calendar.event_deleted": _("Suppression demandée dans Google Agenda, après un effacement"),
        "calendar.kept": _("Événement gardé dans Google Agenda, après un effacement"),
        "feed.opened": _("Flux d’agenda ouvert"),
        "feed.changed": _("Flux d’agenda changé"),
        "feed.instructed": _(
            "Dans le flux d’agenda\u00a0: le nom et le téléphone, sur instruction"
        ),
        "feed.revoked": _("Flux d’agenda fermé"),
        "invitation.sent": _("Invitation envoyée"),
        "invitation.revoked": _("Invitation retirée"),
        "invitation.accepted": _("Invitation acceptée"),
        "role.given": _("Rôle reçu"),
        "role.changed": _("Rôle changé"),
        "role.revoked": _("Accès fermé"),
        "email.change_requested": _("Autre adresse de connexion demandée"),
        "email.given_up": _("Changement d’adresse abandonné"),
        "email.changed": _("Adresse de connexion changée"),
        "email.restored": _("Adresse de connexion remise"),
        "profile.saved": _("Nom changé"),
        "sessions.closed": _("Sessions fermées"),
    }
)
"""The label of each verb that a member of a practice can record in its audit trail."""
OTHER = _("Autre acte")


def label_of(verb: str) -> str:
    """Return the label of a verb; ``OTHER`` for a verb that is not listed."""
    return str(LABELS.get(verb, OTHER))
