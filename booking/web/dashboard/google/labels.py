"""French sentences for the codes of the Google packages: what happened, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.translation import gettext as _

from booking.google.event_deletion import DeletionOption
from booking.google.sync_health import (
    SLOW_AFTER,
    STUCK_AFTER,
    UNREAD_AFTER,
    HealthStatus,
    SyncHealth,
)
from booking.models import GoogleAccount


@dataclass(frozen=True)
class Explanation:
    """What happened and what to do, for the screen; ``advice`` is empty when there is nothing to do."""

    what: str
    advice: str = ""


BADGES: Mapping[HealthStatus, str] = MappingProxyType(
    {HealthStatus.GREEN: "check", HealthStatus.ORANGE: "warn", HealthStatus.RED: "cross"}
)
"""The icon of each status: colour alone must not carry information."""


def status_label(status: HealthStatus) -> str:
    """Return the label of a status, in one or two words."""
    return {
        HealthStatus.GREEN: _("Tout fonctionne"),
        HealthStatus.ORANGE: _("À surveiller"),
        HealthStatus.RED: _("Arrêté"),
    }[status]


def status_sentence(health: SyncHealth) -> str:
    """Return the sentence that gives the reason of the status."""
    state = GoogleAccount.LinkState
    if health.account.state == state.RECONNECT:
        return _("lib-rdv n’a plus accès à ce compte. Reconnectez-le.")
    if health.account.state == state.DISCONNECTING:
        return _("La déconnexion est en cours.")
    if health.status is HealthStatus.RED:
        return _bad_status_sentence(health)
    if health.status is HealthStatus.GREEN:
        return _("Vos rendez-vous sont dans Google Agenda.")
    return _orange_sentence(health)


def _bad_status_sentence(health: SyncHealth) -> str:
    if health.waits_for >= STUCK_AFTER:
        return _(
            "Des rendez-vous attendent depuis plus d’une heure. Nous sommes prévenus et nous réessayons."
        )
    if health.account.can_read_busy:
        return _(
            "Vos heures occupées ne sont plus lues depuis plus d’une heure\u00a0: on peut réserver pendant "
            "ce que vous avez noté depuis. Nous sommes prévenus et nous réessayons."
        )
    return _(
        "Google ne répond plus depuis plus d’une heure. Nous sommes prévenus et nous réessayons."
    )


def _orange_sentence(health: SyncHealth) -> str:
    if health.refused:
        return _("Google a refusé des rendez-vous. Ils sont retentés chaque nuit.")
    if health.unread_for >= UNREAD_AFTER:
        return _unread_sentence(health)
    if health.account.last_success_at is None:
        return _("Le premier échange avec Google n’a pas encore eu lieu.")
    return _("Des rendez-vous attendent depuis plus de %(minutes)d minutes. Nous réessayons.") % {
        "minutes": SLOW_AFTER.total_seconds() // 60
    }


def _unread_sentence(health: SyncHealth) -> str:
    minutes = {"minutes": UNREAD_AFTER.total_seconds() // 60}
    if not health.account.can_read_busy:
        return (
            _("Google ne répond plus depuis plus de %(minutes)d minutes. Nous réessayons.")
            % minutes
        )
    return (
        _(
            "Vos heures occupées ne sont plus lues depuis plus de %(minutes)d minutes. Nous réessayons."
        )
        % minutes
    )


def connecting_failed(code: str) -> Explanation:
    """Explain why an attempt to connect has failed; an unknown code gets a neutral sentence."""
    again = _("Recommencez dans quelques minutes.")
    known = {
        "refused_by_person": Explanation(
            _("L’autorisation n’a pas été donnée chez Google."),
            _("Rien n’est connecté. Vous pouvez recommencer quand vous voulez."),
        ),
        "part_lost": Explanation(
            _("Votre rôle ou votre agenda a changé pendant la connexion."),
            _("Rien n’est connecté. Recommencez depuis l’agenda qui est le vôtre."),
        ),
        "over": Explanation(
            _("La liaison a été arrêtée pendant la connexion."),
            _("Rien n’est connecté. Recommencez dans une minute."),
        ),
        "code_refused": Explanation(
            _("Google ne reconnaît pas l’autorisation\u00a0: elle a sans doute trop attendu."),
            _("Recommencez, sans laisser la page de Google ouverte plus de dix minutes."),
        ),
        "no_right_to_write": Explanation(
            _(
                "La case qui permet d’écrire dans l’agenda « Rendez-vous » était décochée chez Google."
            ),
            _("Sans elle, rien ne peut s’inscrire. Recommencez en la laissant cochée."),
        ),
        "no_refresh_token": Explanation(
            _("Google n’a donné qu’un accès d’une heure."),
            _(
                "Dans votre compte Google, retirez l’accès de lib-rdv (Sécurité, puis Connexions à des "
                "applications), et recommencez ici."
            ),
        ),
        "google_fault": Explanation(_("Google a répondu par une erreur."), again),
        "unreachable": Explanation(_("Google n’a pas répondu."), again),
        "answer_unreadable": Explanation(
            _("La réponse de Google n’a pas pu être lue."),
            _("Recommencez. Si cela se répète, prévenez lib-rdv."),
        ),
    }
    ours = Explanation(
        _("Une erreur de notre côté a empêché la connexion."),
        _("Recommencez. Si cela se répète, prévenez lib-rdv."),
    )
    return known.get(code, ours)


def error_sentence(code: str) -> str:
    """Explain the last error of an account; an unknown code gets a neutral sentence."""
    waits = _("Google demande d’attendre\u00a0: trop de changements à la fois. Nous réessayons.")
    known = {
        "invalid_grant": _(
            "Google ne reconnaît plus l’autorisation\u00a0: elle a été retirée, ou le mot de passe du compte "
            "a changé."
        ),
        "token_refused": _("Google n’accepte pas l’autorisation. Reconnectez le compte."),
        "token_fault": _("Google n’a pas renouvelé l’accès. Nous réessayons."),
        "rate_limit": waits,
        "quota": waits,
        "breaker": waits,
        "google_fault": _("Google a répondu par une erreur. Nous réessayons."),
        "unreachable": _("Google n’a pas répondu. Nous réessayons."),
        "unreadable": _("La réponse de Google n’a pas pu être lue. Nous réessayons."),
        "busy_unreadable": _(
            "Google ne laisse plus lire vos heures occupées. Reconnectez le compte en laissant cette case "
            "cochée."
        ),
        "answer_403": _("Google a refusé d’écrire\u00a0: l’autorisation ne suffit pas."),
    }
    return known.get(code, _("Google a refusé une demande."))


def adoption_explanation(code: str) -> Explanation:
    """Explain the outcome of the adoption of Google's time; empty without an adoption."""
    if not code:
        return Explanation("")
    by_hand = _("Déplacez le rendez-vous vous-même, ou remettez-le comme dans lib-rdv.")
    known = {
        "asked": Explanation(
            _("lib-rdv lit l’heure dans Google Agenda. Regardez dans un instant.")
        ),
        "taken": Explanation(_("Cette heure est prise par un autre rendez-vous."), by_hand),
        "beyond": Explanation(
            _(
                "Cette date est trop lointaine\u00a0: les coordonnées seraient gardées plus que promis."
            ),
            by_hand,
        ),
        "cancelled": Explanation(_("Le rendez-vous est annulé entre-temps.")),
        "changed": Explanation(
            _("Le rendez-vous a changé entre-temps."), _("Regardez-le avant de recommencer.")
        ),
        "length": Explanation(
            _("Cette durée n’est pas possible\u00a0: de 5 minutes à 12 heures."), by_hand
        ),
        "closed": Explanation(_("Les rendez-vous sont suspendus pour le moment."), by_hand),
        "unreadable": Explanation(_("L’heure n’a pas pu être lue dans Google Agenda."), by_hand),
    }
    return known.get(code, Explanation(_("Cette heure n’a pas pu être reprise."), by_hand))


def event_deletion_message(option: DeletionOption | None) -> str:
    """Return the message after a request to delete an event; ``option`` is the outcome of the request."""
    if option is DeletionOption.NOW:
        return _("C’est demandé\u00a0: lib-rdv supprime l’événement dans Google Agenda.")
    if option is DeletionOption.AFTER:
        return _("C’est noté\u00a0: l’événement sera supprimé dès la fin du rendez-vous.")
    return _("Il n’y a rien à supprimer que lib-rdv puisse atteindre, ou c’est déjà demandé.")
