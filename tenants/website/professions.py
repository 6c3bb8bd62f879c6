"""What each profession must or may show on its pages (G-05, G-06, E-33). Pure: no database, no clock."""

import re
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

    A number that is not in ``forced`` shows only when the practitioner asks for it.
    """

    code: str
    label: Promise | str
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
        numbers=_ORDER,
        forced=_ORDER,
        mandatory=tuple(Mention),
        order=_("Ordre des masseurs-kinésithérapeutes"),
    ),
    Profession("sage_femme", _("Sage-femme"), numbers=_ORDER, order=_("Ordre des sages-femmes")),
    Profession(
        "infirmier", _("Infirmier, infirmière"), numbers=_ALL, order=_("Ordre des infirmiers")
    ),
    Profession(
        "podologue",
        _("Pédicure-podologue"),
        numbers=_ORDER,
        order=_("Ordre des pédicures-podologues"),
    ),
    Profession("medecin", _("Médecin"), numbers=_ORDER, order=_("Ordre des médecins")),
    Profession(
        "dentiste",
        _("Chirurgien-dentiste"),
        numbers=_ORDER,
        order=_("Ordre des chirurgiens-dentistes"),
    ),
    Profession("orthophoniste", _("Orthophoniste")),
    Profession("orthoptiste", _("Orthoptiste")),
    Profession("ergotherapeute", _("Ergothérapeute")),
    Profession("psychomotricien", _("Psychomotricien, psychomotricienne")),
    Profession("dieteticien", _("Diététicien, diététicienne")),
    Profession("osteopathe", _("Ostéopathe")),
    Profession("chiropracteur", _("Chiropracteur, chiropractrice")),
    Profession("psychologue", _("Psychologue")),
    Profession("psychotherapeute", _("Psychothérapeute")),
    Profession("sophrologue", _("Sophrologue"), numbers=()),
    Profession("naturopathe", _("Naturopathe"), numbers=()),
    Profession("autre", _("Autre profession"), numbers=(), watches_words=False),
)
OTHER = PROFESSIONS[-1]
_BY_CODE = {one.code: one for one in PROFESSIONS}
_GUESSES = (
    (r"kin[ée]si|masseur", "kine"),
    (r"sages?-femme", "sage_femme"),
    (r"infirmi", "infirmier"),
    (r"podologue", "podologue"),
    (r"m[ée]decin|g[ée]n[ée]raliste", "medecin"),
    (r"dentiste", "dentiste"),
    (r"orthophonist", "orthophoniste"),
    (r"orthoptist", "orthoptiste"),
    (r"ergoth[ée]rap", "ergotherapeute"),
    (r"psychomotric", "psychomotricien"),
    (r"di[ée]t[ée]tic", "dieteticien"),
    (r"ost[ée]opath", "osteopathe"),
    (r"chiropract", "chiropracteur"),
    (r"psychologue", "psychologue"),
    (r"psychoth[ée]rap", "psychotherapeute"),
    (r"sophrolog", "sophrologue"),
    (r"naturopath", "naturopathe"),
)


def profession(code: str) -> Profession:
    """Return the rule of a code; the most open one for a code that is unknown."""
    return _BY_CODE.get(code, OTHER)


def guess(*titles: str) -> str:
    """Return the code that free titles speak of, the first that says something; "autre" otherwise."""
    for title in titles:
        for pattern, code in _GUESSES:
            if re.search(pattern, title, re.IGNORECASE):
                return code
    return OTHER.code


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
