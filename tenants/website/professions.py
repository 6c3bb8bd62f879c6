"""The list of professions: the words of their titles, mandatory mentions and numbers (G-05, G-06, E-33).

The only such list of the application. Pure: no database, no clock.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum import luhn


class Number(StrEnum):
    """The kinds of professional number (G-05)."""

    RPPS = "rpps"
    ADELI = "adeli"
    ORDER = "order"


class Mention(StrEnum):
    """The mentions that a profession can make mandatory on the website."""

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
    """A profession: its possible numbers, the numbers that its Order makes public, its mandatory mentions.

    A number outside ``forced`` is displayed only on the practitioner's request. ``words`` are the words of
    titles of this profession, in lower case without accents.
    """

    code: str
    label: Promise | str
    words: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = (Number.RPPS, Number.ADELI)
    forced: tuple[Number, ...] = ()
    mandatory: tuple[Mention, ...] = ()
    order: Promise | str = ""
    watches_words: bool = True
    """Whether promises, rankings and praise in the texts cause a warning (E-30, E-32)."""


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
_BY_CODE = {profession.code: profession for profession in PROFESSIONS}


def profession(code: str) -> Profession:
    """Return the profession of a code; OTHER, without obligations, for an unknown code."""
    return _BY_CODE.get(code, OTHER)


_SHAPES = {
    Number.RPPS: re.compile(r"\d{11}"),
    Number.ADELI: re.compile(r"(?:\d{2}|2[AB])\d{7}"),
    Number.ORDER: re.compile(r"[0-9A-Z/-]{2,20}"),
}


def named_by(title: str) -> list[Profession]:
    """Return the professions whose words occur in a free title, in the order of the list."""
    text = plain(title)
    return [
        profession for profession in PROFESSIONS if any(word in text for word in profession.words)
    ]


def guess(*titles: str) -> str:
    """Return the code of the first profession named by the titles, in their order; "autre" without any."""
    for title in titles:
        for found in named_by(title):
            return found.code
    return OTHER.code


def plain(text: str) -> str:
    """Return a text in lower case without accents, for the search for words."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def read_number(kind: Number, typed: str) -> str:
    """Return a number without blanks and dots, in upper case. Raises ValueError for a wrong format."""
    value = re.sub(r"[\s.\u00a0\u202f]", "", typed).upper()
    if value and not _SHAPES[kind].fullmatch(value):
        raise ValueError(kind)
    return value


def has_valid_key(rpps: str) -> bool:
    """Return whether the check digit of an RPPS number is valid (Luhn); a wrong one is only a warning (G-05)."""
    return bool(luhn.is_valid(rpps))
