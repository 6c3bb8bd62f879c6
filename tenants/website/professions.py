"""The professions we know, how titles name them, and what each must or may show (G-05, G-06, E-33).

The one list of them in the house. Pure: no database, no clock.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Number(StrEnum):
    """The kinds of professional number (G-05)."""

    RPPS = "rpps"
    ADELI = "adeli"
    ORDER = "order"


class Mention(StrEnum):
    """What a rule can make mandatory on the pages."""

    NAME = "name"
    ADDRESS = "address"
    PHONE = "phone"
    EMAIL = "email"
    PRICES = "prices"
    PAYMENT = "payment"


NUMBER_LABELS: dict[Number, Promise | str] = {
    Number.RPPS: _("N° RPPS"),
    Number.ADELI: _("N° ADELI"),
    Number.ORDER: _("N° d’inscription à l’Ordre"),
}
MENTION_LABELS: dict[Mention, Promise | str] = {
    Mention.NAME: _("le nom du cabinet"),
    Mention.ADDRESS: _("l’adresse du cabinet"),
    Mention.PHONE: _("le téléphone du cabinet"),
    Mention.EMAIL: _("l’e-mail du cabinet"),
    Mention.PRICES: _("vos honoraires"),
    Mention.PAYMENT: _("vos moyens de paiement"),
}


@dataclass(frozen=True)
class Profession:
    """One profession: the numbers it may have, those its Order makes public, the mandatory mentions.

    A number that is not in ``forced`` shows only when the practitioner asks for it. ``words`` are how titles
    name it, without accents, in either gender.
    """

    code: str
    label: Promise | str
    words: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = (Number.RPPS, Number.ADELI)
    forced: tuple[Number, ...] = ()
    mandatory: tuple[Mention, ...] = ()
    order: Promise | str = ""
    watches_words: bool = True
    """Whether promises, rank and praise in its texts deserve a word (E-30, E-32)."""


_ORDER = (Number.RPPS, Number.ORDER)
_ALL = (Number.RPPS, Number.ADELI, Number.ORDER)

PROFESSIONS: tuple[Profession, ...] = (
    Profession(
        "kine",
        _("Masseur-kinésithérapeute"),
        ("kine",),
        numbers=_ORDER,
        forced=_ORDER,
        mandatory=tuple(Mention),
        order=_("Ordre des masseurs-kinésithérapeutes"),
    ),
    Profession(
        "sage_femme",
        _("Sage-femme"),
        ("sage-femme", "sages-femmes", "sage femme"),
        numbers=_ORDER,
        order=_("Ordre des sages-femmes"),
    ),
    Profession(
        "infirmier",
        _("Infirmier, infirmière"),
        ("infirmi",),
        numbers=_ALL,
        order=_("Ordre des infirmiers"),
    ),
    Profession(
        "podologue",
        _("Pédicure-podologue"),
        ("podolog",),
        numbers=_ORDER,
        order=_("Ordre des pédicures-podologues"),
    ),
    Profession(
        "medecin",
        _("Médecin"),
        ("medecin", "generaliste"),
        numbers=_ORDER,
        order=_("Ordre des médecins"),
    ),
    Profession(
        "dentiste",
        _("Chirurgien-dentiste"),
        ("dentist",),
        numbers=_ORDER,
        order=_("Ordre des chirurgiens-dentistes"),
    ),
    Profession("orthophoniste", _("Orthophoniste"), ("orthophon",)),
    Profession("orthoptiste", _("Orthoptiste"), ("orthopti",)),
    Profession("ergotherapeute", _("Ergothérapeute"), ("ergother",)),
    Profession("psychomotricien", _("Psychomotricien, psychomotricienne"), ("psychomotric",)),
    Profession("dieteticien", _("Diététicien, diététicienne"), ("dietetic",)),
    Profession("osteopathe", _("Ostéopathe"), ("osteo",)),
    Profession("chiropracteur", _("Chiropracteur, chiropractrice"), ("chiropra",)),
    Profession("psychologue", _("Psychologue"), ("psychologue", "neuropsycho")),
    Profession("psychotherapeute", _("Psychothérapeute"), ("psychother",)),
    Profession("sophrologue", _("Sophrologue"), ("sophro",), numbers=()),
    Profession("naturopathe", _("Naturopathe"), ("naturo",), numbers=()),
    Profession("autre", _("Autre profession"), numbers=(), watches_words=False),
)
OTHER = PROFESSIONS[-1]
_BY_CODE = {one.code: one for one in PROFESSIONS}


def profession(code: str) -> Profession:
    """Return the rule of a code; the most open one for a code that is unknown."""
    return _BY_CODE.get(code, OTHER)


def named_by(title: str) -> list[Profession]:
    """Return the professions that a free title speaks of, in the order of the list."""
    said = plain(title)
    return [one for one in PROFESSIONS if any(word in said for word in one.words)]


def guess(*titles: str) -> str:
    """Return the code that free titles speak of, the first that says something; "autre" otherwise."""
    for title in titles:
        for found in named_by(title):
            return found.code
    return OTHER.code


def plain(text: str) -> str:
    """Return a text in lower case and without accents, to look for words in it."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def read_number(kind: Number, typed: str) -> str:
    """Return a number without spaces; ValueError when it cannot be one of its kind."""
    value = re.sub(r"[\s.\u00a0\u202f]", "", typed).upper()
    shape = {
        Number.RPPS: r"\d{11}",
        Number.ADELI: r"(?:\d{2}|2[AB])\d{7}",
        Number.ORDER: r"[0-9A-Z/-]{2,20}",
    }[kind]
    if value and not re.fullmatch(shape, value):
        raise ValueError(kind)
    return value


def has_valid_key(rpps: str) -> bool:
    """Return whether the eleven digits pass Luhn: a failure deserves a word, not a refusal (G-05)."""
    total = 0
    for place, digit in enumerate(reversed(rpps)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
