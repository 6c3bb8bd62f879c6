"""Delivery outcomes: the only mapping from state and reason of an outbox entry to label, explanation and advice.

All pages and messages that show an outcome use it: the panel of an appointment, the ledger, the day, the digest.
An explanation names the recipient's server only when that server has answered. A reason that is not listed gets
a neutral sentence.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.outbox.models import OutboxEntry

State = OutboxEntry.EntryState
Words = str | Promise


class Tone(StrEnum):
    """The severity of an outcome for the practice; the value is a class of the style sheet."""

    DUE = "due"
    DELIVERED = "ok"
    MISSED = "bad"
    POINTLESS = "gone"


TONE_LABELS: dict[Tone, Words] = {
    Tone.DUE: _("À envoyer"),
    Tone.DELIVERED: _("Remis"),
    Tone.MISSED: _("Non remis"),
    Tone.POINTLESS: _("Devenu inutile"),
}

ICONS = {Tone.DUE: "clock", Tone.DELIVERED: "check", Tone.MISSED: "warn", Tone.POINTLESS: ""}


@dataclass(frozen=True)
class DeliveryOutcome:
    """The outcome of a message; ``advice`` is empty when the practice has nothing to do."""

    tone: Tone
    label: Words
    explanation: Words = ""
    advice: Words = ""

    @property
    def tone_label(self) -> Words:
        """The label of the tone, for lists that show the tone only."""
        return TONE_LABELS[self.tone]

    @property
    def badge(self) -> str:
        """The class of the tone's badge; empty for the plain one."""
        return self.tone.value if self.tone in (Tone.DELIVERED, Tone.MISSED) else ""

    @property
    def icon(self) -> str:
        """The name of the tone's icon; empty for none."""
        return ICONS[self.tone]

    @property
    def is_missed(self) -> bool:
        """Whether a person may be waiting for this message."""
        return self.tone is Tone.MISSED


_CALL = _("Appelez la personne si elle doit être prévenue.")
_WAIT = _("Rien à faire\u00a0: un autre essai suit tout seul.")
_CALL_OURS = _(
    "Appelez la personne\u00a0: son adresse n’est pas en cause. Nous sommes prévenus et nous corrigeons."
)

_PLANNED = DeliveryOutcome(Tone.DUE, _("à envoyer"))
_RETRIED = DeliveryOutcome(
    Tone.DUE, _("à envoyer"), _("Un premier envoi n’a pas abouti. Un autre essai suit."), _WAIT
)
_SENT = DeliveryOutcome(Tone.DELIVERED, _("remis"), _("Remis à la messagerie de la personne."))
_NO_CHANNEL = DeliveryOutcome(
    Tone.MISSED,
    _("pas d’adresse où écrire"),
    _("Pas d’adresse où écrire."),
    _("Appelez la personne, ou ajoutez son e-mail à sa fiche."),
)
_SMS_SPENT = DeliveryOutcome(
    Tone.MISSED,
    _("plafond de SMS du mois atteint"),
    _("Le plafond de SMS du mois est atteint\u00a0: le message n’est pas parti."),
    _CALL,
)
_NOT_DELIVERED = DeliveryOutcome(
    Tone.MISSED, _("non remis"), _("Le message n’a pas pu être remis."), _CALL
)
_NOT_SENT = DeliveryOutcome(Tone.MISSED, _("non remis"), _("Le message n’est pas parti."), _CALL)

UNKNOWN = {
    State.PENDING: _RETRIED,
    State.SENT: _SENT,
    State.NO_CHANNEL: _NO_CHANNEL,
    State.FAILED: _NOT_DELIVERED,
    State.NOT_SENT: _NOT_SENT,
}
"""The outcome of a state whose reason is not in ``OUTCOMES``."""


def _retried(explanation: Words) -> DeliveryOutcome:
    return DeliveryOutcome(Tone.DUE, _("à envoyer"), explanation, _WAIT)


def _failed(explanation: Words, advice: Words, *, is_refused: bool = False) -> DeliveryOutcome:
    label = _("refusé") if is_refused else _("non remis")
    return DeliveryOutcome(Tone.MISSED, label, explanation, advice)


def _pointless(explanation: Words) -> DeliveryOutcome:
    return DeliveryOutcome(Tone.POINTLESS, _("abandonné"), explanation)


OUTCOMES: dict[tuple[str, str], DeliveryOutcome] = {
    (State.PENDING, ""): _PLANNED,
    (State.PENDING, "unreachable"): _retried(
        _("Notre service d’envoi ne répond pas. Nous réessayons.")
    ),
    (State.PENDING, "not_accepted"): _retried(
        _("Notre service d’envoi n’accepte pas nos messages en ce moment. Nous réessayons.")
    ),
    (State.PENDING, "deferred"): _retried(
        _("La remise du message a été reportée. Nous réessayons.")
    ),
    (State.SENT, ""): _SENT,
    (State.SENT, "by_sms"): DeliveryOutcome(
        Tone.DELIVERED,
        _("remis par SMS"),
        _("L’e-mail a été refusé\u00a0: le message est parti par SMS."),
        _("Corrigez son e-mail."),
    ),
    (State.NO_CHANNEL, ""): _NO_CHANNEL,
    (State.NO_CHANNEL, "no_number"): _NO_CHANNEL,
    (State.NO_CHANNEL, "sms_budget"): _SMS_SPENT,
    (State.NO_CHANNEL, "unreadable"): _failed(
        _("Les coordonnées n’ont pas pu être lues dans l’agenda Google."),
        _("Ouvrez votre agenda, puis appelez la personne."),
    ),
    (State.FAILED, "refused"): _failed(
        _("Sa messagerie a refusé le message\u00a0: l’adresse est sans doute fausse."),
        _("Appelez la personne, puis corrigez son e-mail."),
        is_refused=True,
    ),
    (State.FAILED, "bounced"): _failed(
        _("Le message est parti, puis il est revenu\u00a0: l’adresse est sans doute fausse."),
        _("Appelez la personne, puis corrigez son e-mail."),
    ),
    (State.FAILED, "sms_refused"): _failed(
        _("Le SMS a été refusé\u00a0: le numéro est sans doute faux."),
        _("Corrigez le numéro, ou écrivez à la personne."),
        is_refused=True,
    ),
    (State.FAILED, "unreachable"): _failed(
        _("Notre service d’envoi n’a pas répondu pendant un jour."), _CALL_OURS
    ),
    (State.FAILED, "not_accepted"): _failed(
        _("Notre service d’envoi n’a pas accepté nos messages pendant un jour."), _CALL_OURS
    ),
    (State.FAILED, "deferred"): _failed(
        _("La remise du message a été reportée jusqu’au bout."),
        _("Appelez la personne\u00a0: sa boîte est peut-être pleine."),
    ),
    (State.FAILED, "too_long"): _failed(
        _("Le texte ne tient pas dans un SMS."),
        _("Appelez la personne, puis raccourcissez le nom du cabinet ou votre texte."),
    ),
    (State.NOT_SENT, "limited"): _failed(
        _("Trop de messages étaient déjà partis en peu de temps\u00a0: celui-ci a été retenu."),
        _CALL,
    ),
    (State.NOT_SENT, "late"): _failed(_("Le message n’a pas pu partir à temps."), _CALL),
    (State.NOT_SENT, "quiet_hours"): _failed(
        _("Retardé jusqu’à la nuit\u00a0: rien ne part entre 20\u00a0h et 8\u00a0h."), _CALL
    ),
    (State.NOT_SENT, "moved"): _pointless(
        _("Le rendez-vous a changé\u00a0: ce message n’était plus juste.")
    ),
    (State.NOT_SENT, "cancelled"): _pointless(_("Le rendez-vous a été annulé avant l’envoi.")),
    (State.NOT_SENT, "erased"): _pointless(_("Les coordonnées étaient déjà effacées.")),
    (State.NOT_SENT, "person"): _pointless(_("La personne a demandé l’effacement de ses données.")),
    (State.NOT_SENT, "stopped"): _pointless(_("La personne ne veut plus de rappel.")),
    (State.NOT_SENT, "gone"): _pointless(_("Ce dont il parlait n’existe plus.")),
    (State.NOT_SENT, "over"): _pointless(_("La proposition n’avait plus cours.")),
    (State.NOT_SENT, "closed"): _pointless(
        _("Le site était fermé\u00a0: la proposition n’aurait pas pu être acceptée.")
    ),
}

POINTLESS_REASONS = tuple(
    reason for (_state, reason), outcome in OUTCOMES.items() if outcome.tone is Tone.POINTLESS
)
"""The reasons of outcomes with the tone POINTLESS, for queries."""


def outcome_of(entry: OutboxEntry) -> DeliveryOutcome:
    """Return the outcome of the message of an outbox entry; a pending entry has the tone DUE."""
    state = State(entry.state)
    return OUTCOMES.get((state, entry.reason), UNKNOWN[state])
