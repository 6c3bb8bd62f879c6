"""What the codes of the link with Google Agenda say on the screen: what happened, and what to do."""

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext as _

from booking.models import GoogleAccount
from booking.services.google.effacing import Offer
from booking.services.google.lights import (
    SLOW_AFTER,
    STUCK_AFTER,
    UNREAD_AFTER,
    Health,
    Light,
)
from booking.views.dashboard.explained import Explanation

BADGES: Mapping[Light, str] = MappingProxyType(
    {Light.GREEN: "check", Light.ORANGE: "warn", Light.RED: "cross"}
)
"""The icon of each light: colour alone says nothing."""


def light_word(light: Light) -> str:
    """Return the word of a light."""
    return {
        Light.GREEN: _("Tout fonctionne"),
        Light.ORANGE: _("À surveiller"),
        Light.RED: _("Arrêté"),
    }[light]


def light_sentence(health: Health) -> str:
    """Say why the light is what it is."""
    state = GoogleAccount.State
    if health.account.state == state.RECONNECT:
        return _("lib-rdv n’a plus accès à ce compte. Reconnectez-le.")
    if health.account.state == state.LEAVING:
        return _("La déconnexion est en cours.")
    if health.light is Light.RED:
        return _red_sentence(health)
    if health.light is Light.GREEN:
        return _("Vos rendez-vous sont dans Google Agenda.")
    return _orange_sentence(health)


def _red_sentence(health: Health) -> str:
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


def _orange_sentence(health: Health) -> str:
    if health.refused:
        return _("Google a refusé des rendez-vous. Ils sont retentés chaque nuit.")
    if health.unread_for >= UNREAD_AFTER:
        return _unread_sentence(health)
    if health.account.last_success_at is None:
        return _("Le premier échange avec Google n’a pas encore eu lieu.")
    return _("Des rendez-vous attendent depuis plus de %(minutes)d minutes. Nous réessayons.") % {
        "minutes": SLOW_AFTER.total_seconds() // 60
    }


def _unread_sentence(health: Health) -> str:
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
    """Explain why an attempt to connect came to nothing."""
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
                "La case qui permet d’écrire dans l’agenda « Rendez-vous » était décochée chez Google."
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
    """Explain the last refusal of a link; a code that nobody has foreseen stays neutral."""
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


def adopting_answer(code: str) -> Explanation:
    """Explain what came of taking over the time that Google shows; nothing was asked: empty."""
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


def effacing_answer(offer: Offer | None) -> str:
    """Say what becomes of an event that somebody wants deleted."""
    if offer is Offer.NOW:
        return _("C’est demandé\u00a0: lib-rdv supprime l’événement dans Google Agenda.")
    if offer is Offer.AFTER:
        return _("C’est noté\u00a0: l’événement sera supprimé dès la fin du rendez-vous.")
    return _("Il n’y a rien à supprimer que lib-rdv puisse atteindre, ou c’est déjà demandé.")
