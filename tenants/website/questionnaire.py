"""The questionnaire about the practice (G-08), and the sentences generated from its answers.

It has no question about data of the settings: appointment types, durations, places and opening hours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Choices = Mapping[str, Promise | str]

RECEIVES: Choices = {
    "adults": gettext_lazy("les adultes"),
    "teenagers": gettext_lazy("les adolescents"),
    "children": gettext_lazy("les enfants"),
    "babies": gettext_lazy("les nourrissons"),
    "pregnant": gettext_lazy("les femmes enceintes"),
    "elderly": gettext_lazy("les personnes âgées"),
}
ARRIVAL: Choices = {
    "ground_floor": gettext_lazy("Le cabinet est au rez-de-chaussée."),
    "lift": gettext_lazy("Un ascenseur dessert l’étage."),
    "step_free": gettext_lazy("L’entrée est sans marche."),
    "parking": gettext_lazy("On peut se garer devant ou tout près."),
    "bicycles": gettext_lazy("Un arceau à vélos se trouve devant l’entrée."),
}
PAYMENTS: Choices = {
    "card": gettext_lazy("carte bancaire"),
    "cheque": gettext_lazy("chèque"),
    "cash": gettext_lazy("espèces"),
    "transfer": gettext_lazy("virement"),
}
REFUNDS: Choices = {
    "": gettext_lazy("Je ne le précise pas"),
    "insured": gettext_lazy(
        "Par l’Assurance maladie, sur prescription ou selon le parcours de soins"
    ),
    "mutual": gettext_lazy("Par certaines mutuelles"),
    "none": gettext_lazy("Non remboursées"),
}
_REFUND_SENTENCES: Choices = {
    "insured": gettext_lazy(
        "Les consultations peuvent être remboursées par l’Assurance maladie, selon votre situation."
    ),
    "mutual": gettext_lazy(
        "Certaines mutuelles remboursent une partie de la consultation\u00a0: demandez à la vôtre."
    ),
    "none": gettext_lazy("Les consultations ne sont pas remboursées."),
}


@dataclass(frozen=True)
class Answers:
    """The answers; an empty answer generates no sentence."""

    receives: tuple[str, ...] = ()
    languages: str = ""
    arrival: tuple[str, ...] = ()
    transport: str = ""
    prices: str = ""
    payments: tuple[str, ...] = ()
    third_party: bool = False
    refund: str = ""
    to_bring: str = ""
    closing: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document of a Questionnaire row."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Answers":
        """Read a stored document; missing answers are empty, unknown keys are ignored."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
            if name in known
        }
        return cls(**values)

    @property
    def free_texts(self) -> Mapping[str, str]:
        """Return the typed answers, which are searched for patients' names."""
        return {
            "languages": self.languages,
            "transport": self.transport,
            "prices": self.prices,
            "to_bring": self.to_bring,
            "closing": self.closing,
        }

    def texts(self) -> dict[str, str]:
        """Return the generated texts by part of the website."""
        return {
            "presentation": _paragraphs(
                _("Le cabinet reçoit %s.") % _listed(RECEIVES, self.receives)
                if self.receives
                else "",
                _("Langues parlées\u00a0: %s") % _sentence(self.languages)
                if self.languages
                else "",
            ),
            "access": _paragraphs(
                " ".join(str(ARRIVAL[code]) for code in self.arrival if code in ARRIVAL),
                _sentence(self.transport),
            ),
            "prices": _paragraphs(
                self.prices, str(_REFUND_SENTENCES.get(self.refund, "")) if self.refund else ""
            ),
            "payment": _paragraphs(
                _("Paiement accepté\u00a0: %s.") % _listed(PAYMENTS, self.payments)
                if self.payments
                else "",
                _("Le tiers payant est possible.") if self.third_party else "",
            ),
            "practical": _paragraphs(
                _("À apporter\u00a0: %s") % _sentence(self.to_bring) if self.to_bring else "",
                _("Fermeture\u00a0: %s") % _sentence(self.closing) if self.closing else "",
            ),
        }


def _listed(choices: Choices, chosen: Sequence[str]) -> str:
    words = [str(words) for code, words in choices.items() if code in chosen]
    if len(words) < 2:
        return "".join(words)
    return _("%(first)s et %(last)s") % {"first": ", ".join(words[:-1]), "last": words[-1]}


def _sentence(typed: str) -> str:
    """Return the text with a final full stop, unless it ends with a sentence mark."""
    text = typed.strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())
