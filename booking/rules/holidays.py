"""Public holidays of each French territory; a location is closed on them unless it opens one (B-17).

A territory is the ISO code of an overseas territory (GP, RE, PF ...). When it is empty or FR, the postcode
decides the territory, and the three departments of local law.

The tables state the law as it stands in 2026, each with its source; a year before is answered by the same law.
Customary days, which no law makes holidays, are offered where they are usual: a location is closed on those
that it chose. The Muslim holidays of Mayotte, which the code du travail leaves to custom beside L3422-2, follow
the moon: no table has them, a practice enters them as absences when their dates are announced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

LOCAL_LAW = ("57", "67", "68")
"""Moselle, Bas-Rhin, Haut-Rhin: also Good Friday and 26 December, in all their communes."""

_ISLANDS = {"97133": "BL", "97150": "MF"}
"""Postcodes that begin like those of Guadeloupe (F-12)."""
_OVERSEAS = {
    "971": "GP",
    "972": "MQ",
    "973": "GF",
    "974": "RE",
    "975": "PM",
    "976": "YT",
    "977": "BL",
    "978": "MF",
    "986": "WF",
    "987": "PF",
    "988": "NC",
}

TERRITORIES = {
    "": _("France métropolitaine"),
    "GP": _("Guadeloupe"),
    "MQ": _("Martinique"),
    "GF": _("Guyane"),
    "RE": _("La Réunion"),
    "YT": _("Mayotte"),
    "PM": _("Saint-Pierre-et-Miquelon"),
    "BL": _("Saint-Barthélemy"),
    "MF": _("Saint-Martin"),
    "PF": _("Polynésie française"),
    "NC": _("Nouvelle-Calédonie"),
    "WF": _("Wallis-et-Futuna"),
}


@dataclass(frozen=True, slots=True)
class Feast:
    """A day that returns each year: a month and a day, or a number of days after Easter Sunday (0 without).

    ``name`` is French, as pages show it.
    """

    name: str
    month: int = 0
    day: int = 0
    after_easter: int = 0

    def on(self, year: int) -> date:
        """Return its date in a year."""
        if self.month:
            return date(year, self.month, self.day)
        return easter(year) + timedelta(days=self.after_easter)


_GOOD_FRIDAY = Feast("Vendredi saint", after_easter=-2)

# Article L3133-1 of the code du travail. It applies in the departments and in BL, MF and PM. The Pacific has the
# same eleven days by its own law: code du travail of PF (loi du pays 2011-15), code du travail of NC (loi du pays
# 2008-2), and in WF the accord interprofessionnel territorial and article 120 bis of law 52-1322 (1 May).
NATIONAL = (
    Feast("Jour de l’an", 1, 1),
    Feast("Lundi de Pâques", after_easter=1),
    Feast("Fête du Travail", 5, 1),
    Feast("Fête de la Victoire", 5, 8),
    Feast("Ascension", after_easter=39),
    Feast("Lundi de Pentecôte", after_easter=50),
    Feast("Fête nationale", 7, 14),
    Feast("Assomption", 8, 15),
    Feast("Toussaint", 11, 1),
    Feast("Armistice", 11, 11),
    Feast("Noël", 12, 25),
)

# Article L3134-13 of the code du travail (ordinance of 16 August 1892). It ties Good Friday to communes with a
# Protestant or mixed church; no register says which have one, so all of the three departments have the day.
_ALSACE_MOSELLE = (_GOOD_FRIDAY, Feast("Saint-Étienne", 12, 26))

_ABOLITION = "Abolition de l’esclavage"
_ALSO: Mapping[str, tuple[Feast, ...]] = {
    "57": _ALSACE_MOSELLE,
    "67": _ALSACE_MOSELLE,
    "68": _ALSACE_MOSELLE,
    "YT": (Feast(_ABOLITION, 4, 27),),  # L3422-2, 1°
    "MQ": (Feast(_ABOLITION, 5, 22),),  # L3422-2, 2°
    "GP": (Feast(_ABOLITION, 5, 27),),  # L3422-2, 3°
    "MF": (Feast(_ABOLITION, 5, 27),),  # L3422-2, 3°
    "GF": (Feast(_ABOLITION, 6, 10),),  # L3422-2, 4°
    "BL": (Feast(_ABOLITION, 10, 9),),  # L3422-2, 5°
    "RE": (Feast(_ABOLITION, 12, 20),),  # L3422-2, 6°
    # Code du travail of Polynésie française; the loi du pays adopted on 6 May 2025 replaces 29 June by
    # 20 November from 2026 on.
    "PF": (Feast("Arrivée de l’Évangile", 3, 5), _GOOD_FRIDAY, Feast("Matāri’i", 11, 20)),
    # Code du travail of Nouvelle-Calédonie and article 74 of its accord interprofessionnel territorial.
    "NC": (Feast("Fête de la Citoyenneté", 9, 24),),
    # Accord interprofessionnel territorial of Wallis-et-Futuna, and the yearly arrêté of its administration.
    "WF": (
        Feast("Saint Pierre Chanel", 4, 28),
        Feast("Saints Pierre et Paul", 6, 29),
        Feast("Fête du Territoire", 7, 29),
    ),
}
"""The statutory holidays besides the national ones, by territory or department of local law."""

CUSTOMARY: Mapping[str, Feast] = {
    "second_january": Feast("Lendemain du jour de l’an", 1, 2),
    "lundi_gras": Feast("Lundi gras", after_easter=-48),
    "mardi_gras": Feast("Mardi gras", after_easter=-47),
    "ash_wednesday": Feast("Mercredi des Cendres", after_easter=-46),
    "mi_careme": Feast("Mi-carême", after_easter=-24),
    "good_friday": _GOOD_FRIDAY,
    "autonomy": Feast("Fête de l’autonomie", 6, 29),
    "schoelcher": Feast("Fête de Victor Schœlcher", 7, 21),
    "saint_barthelemy": Feast("Saint-Barthélemy", 8, 24),
    "all_souls": Feast("Jour des défunts", 11, 2),
}
"""The days that no law makes holidays, by the code that ``Location.customary_days`` stores."""

_CARNIVAL = ("lundi_gras", "mardi_gras", "ash_wednesday")
_USUAL: Mapping[str, tuple[str, ...]] = {
    "GP": (*_CARNIVAL, "mi_careme", "good_friday", "schoelcher", "all_souls"),
    "MF": (*_CARNIVAL, "mi_careme", "good_friday", "schoelcher", "all_souls"),
    "MQ": (*_CARNIVAL, "good_friday", "schoelcher", "all_souls"),
    "GF": (*_CARNIVAL, "good_friday", "all_souls"),
    "BL": ("mardi_gras", "ash_wednesday", "good_friday", "saint_barthelemy", "all_souls"),
    "PF": ("second_january", "autonomy"),
}


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (algorithm of Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    epact = (
        19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15
    ) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def territory_of(postcode: str) -> str:
    """Return the territory of a postcode, "" for metropolitan France."""
    return _ISLANDS.get(postcode) or _OVERSEAS.get(postcode[:3], "")


def public_holidays(
    *, territory: str, postcode: str, year: int, customary: str = ""
) -> MappingProxyType[date, str]:
    """Return the holidays of a location in a year by date, with their French names.

    These are the statutory ones, and the customary days of the codes in ``customary``, separated by spaces. Two
    holidays may fall on one date: the result then has one date less (Ascension on 1 May 2008).
    """
    return _holidays(_place_of(territory, postcode), year, customary)


def customary_days(*, territory: str, postcode: str) -> tuple[str, ...]:
    """Return the codes of the customary days that are usual at a location, in the order of the year."""
    return _USUAL.get(_place_of(territory, postcode), ())


def _place_of(territory: str, postcode: str) -> str:
    """Return the key of the tables above: a territory, a department of local law, or ""."""
    territory = territory_of(postcode) if territory in {"", "FR"} else territory
    if not territory and postcode[:2] in LOCAL_LAW:
        return postcode[:2]
    return territory


@lru_cache(maxsize=512)
def _holidays(place: str, year: int, customary: str) -> MappingProxyType[date, str]:
    usual = [CUSTOMARY[code] for code in customary.split() if code in _USUAL.get(place, ())]
    # Of two feasts on one date the later of this list gives the name: the statutory before the customary one.
    feasts = [*usual, *NATIONAL, *_ALSO.get(place, ())]
    return MappingProxyType(dict(sorted({feast.on(year): feast.name for feast in feasts}.items())))
