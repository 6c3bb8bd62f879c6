"""The result of a patient's action, for the page of the appointment: success, or the reason of a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Texts = tuple[Promise, Promise]
"""The title and the sentence that follows it; both may hold ``%(practitioner)s`` and ``%(moment)s``."""

_DONE: Mapping[str, Texts] = {
    "deplace": (_("Votre rendez-vous est déplacé."), _("L'ancien créneau est libéré.")),
    "coordonnees": (_("Vos coordonnées sont enregistrées."), _("Rien d'autre n'a changé.")),
    "adresse": (
        _("Votre adresse e-mail est enregistrée."),
        _("La confirmation, avec le lien de votre rendez-vous, y part à l'instant."),
    ),
    "nouvelle-adresse": (
        _("Votre adresse e-mail est enregistrée."),
        _(
            "La confirmation, avec le lien de votre rendez-vous, y part à l'instant. L'ancienne adresse reçoit un"
            " court avis, qui ne dit pas la nouvelle."
        ),
    ),
    "efface": (
        _("C'est noté\u00a0: plus aucun message ne vous sera envoyé."),
        _(
            "Vos coordonnées sont effacées %(moment)s\u00a0: d'ici là, elles seules disent au cabinet qui vient."
        ),
    ),
    "retard": (
        _("%(practitioner)s est prévenu(e) de votre retard."),
        _("Selon l'heure, le rendez-vous pourra être plus court."),
    ),
    "rappel": (
        _("Vous ne recevrez pas de rappel."),
        _("Votre rendez-vous tient toujours\u00a0: notez bien la date."),
    ),
}
"""By the value of ``?fait=``, which any visitor may change: an unknown value has no result."""

_HELD_BACK: Mapping[str, Promise] = {
    "deplace": _(
        "Vous avez déjà reçu plusieurs messages\u00a0: nous n'en envoyons pas d'autre, notez la nouvelle date."
    ),
    "adresse": _(
        "Plusieurs messages sont déjà partis\u00a0: nous n'en envoyons pas d'autre. Gardez ce lien."
    ),
    "nouvelle-adresse": _(
        "Plusieurs messages sont déjà partis\u00a0: nous n'en envoyons pas d'autre. Gardez ce lien."
    ),
    "retard": _(
        "Plusieurs messages sont déjà partis\u00a0: celui-ci ne part pas. L'agenda du cabinet l'indique."
    ),
}
"""The sentence instead, when the act holds and its message would be one too many."""

_REFUSED: Mapping[str, Texts] = {
    "taken": (
        _("Ce créneau vient d'être réservé."),
        _("Votre rendez-vous n'a pas bougé. Choisissez un autre créneau."),
    ),
    "beyond": (
        _("Cette date est trop loin."),
        _(
            "Vos coordonnées doivent être effacées moins d'un an après votre prise de rendez-vous, donc le"
            " rendez-vous doit avoir lieu avant."
        ),
    ),
    "by_phone": (_("Ce rendez-vous ne se déplace pas en ligne."), _("Rien n'a changé.")),
    "late": (_("Il est trop tard pour le faire en ligne."), _("Rien n'a changé.")),
}


@dataclass(frozen=True)
class ActionResult:
    """The result of one action, for the screen."""

    code: str
    title: str
    sentence: str


def succeeded(
    code: str, *, practitioner: str, moment: str, is_held_back: bool = False
) -> ActionResult | None:
    """Return the result of a successful action; ``moment`` is the announced time of the erasure.

    ``is_held_back``: its message is not sent because too many have left.
    """
    result = _result(_DONE, code, {"practitioner": practitioner, "moment": moment})
    if result is None or not is_held_back or code not in _HELD_BACK:
        return result
    title = _("Votre retard est noté.") if code == "retard" else result.title
    return ActionResult(code, str(title), str(_HELD_BACK[code]))


def refused(code: str) -> ActionResult | None:
    """Return the result of an action that was refused."""
    return _result(_REFUSED, code, {})


def _result(
    texts: Mapping[str, Texts], code: str, values: Mapping[str, str]
) -> ActionResult | None:
    if code not in texts:
        return None
    title, sentence = texts[code]
    return ActionResult(code, str(title) % values, str(sentence) % values)
