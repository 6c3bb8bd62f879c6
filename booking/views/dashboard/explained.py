"""How an entry of the outbox ended, in words: what happened, and what to do about it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tenants.outbox.models import OutboxEntry

State = OutboxEntry.State


@dataclass(frozen=True)
class Explanation:
    """Two sentences for the screen; nothing to do is an empty ``advice``."""

    what: str
    advice: str = ""


def explain(entry: OutboxEntry | None) -> Explanation:
    """Explain an entry in French; a code that nobody has foreseen is told as a fault of ours."""
    if entry is None:
        return Explanation("")
    if entry.state == State.PENDING:
        return _pending(entry)
    if entry.state == State.SENT:
        return Explanation(_("Remis à la messagerie de la personne."))
    if entry.state == State.NO_CHANNEL:
        return Explanation(
            _("Pas d’adresse où écrire."),
            _("Appelez la personne, ou ajoutez son e-mail à sa fiche."),
        )
    return _failed(entry.reason) if entry.state == State.FAILED else _dropped(entry.reason)


def _pending(entry: OutboxEntry) -> Explanation:
    if entry.attempts == 0:
        return Explanation("")
    return Explanation(
        _("La messagerie ne répond pas encore. Nous réessayons."),
        _("Rien à faire : le message part tout seul dès qu’elle répond."),
    )


def _failed(reason: str) -> Explanation:
    known = {
        "refused": Explanation(
            _("Sa messagerie a refusé le message : l’adresse est sans doute fausse."),
            _("Appelez la personne, puis corrigez son e-mail."),
        ),
        "unreachable": Explanation(
            _("Sa messagerie n’a pas répondu pendant un jour."),
            _("Appelez la personne. Son adresse est peut-être fausse."),
        ),
        "deferred": Explanation(
            _("Sa messagerie a reporté le message jusqu’au bout."),
            _("Appelez la personne : sa boîte est peut-être pleine."),
        ),
        "too_long": Explanation(
            _("Le texte ne tient pas dans un SMS."),
            _("Appelez la personne, puis raccourcissez le nom du cabinet ou votre texte."),
        ),
    }
    ours = Explanation(
        _("Une erreur de notre côté a empêché l’envoi."),
        _("Appelez la personne. Nous sommes prévenus et nous corrigeons."),
    )
    return known.get(reason, ours)


def _dropped(reason: str) -> Explanation:
    too_late = Explanation(
        _("Le message n’a pas pu partir à temps."),
        _("Appelez la personne si elle doit être prévenue."),
    )
    known = {
        "quiet_hours": Explanation(
            _("Retardé jusqu’à la nuit : rien ne part entre 20 h et 8 h."),
            _("Appelez la personne si elle doit être prévenue."),
        ),
        "moved": Explanation(_("Le rendez-vous a changé : ce message n’était plus juste.")),
        "cancelled": Explanation(_("Le rendez-vous a été annulé avant l’envoi.")),
        "erased": Explanation(_("Les coordonnées étaient déjà effacées.")),
        "person": Explanation(_("La personne a demandé l’effacement de ses données.")),
        "stopped": Explanation(_("La personne ne veut pas de rappel.")),
        "gone": Explanation(_("Le rendez-vous n’existe plus.")),
    }
    return known.get(reason, too_late)
