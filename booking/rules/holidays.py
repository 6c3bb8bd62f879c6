"""Public holidays of each French territory; a location is closed on them unless it opens one (B-17).

A territory is the ISO code of an overseas territory (GP, RE, PF ...). When it is empty or FR, the postcode
decides the territory, and the three departments of local law.
The dates are the statutory holidays; a practice enters customary ones (Mi-Carême, 21 July ...) as exceptions.
"""

from datetime import date
from functools import lru_cache
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _
from holidays import country_holidays

LOCAL_LAW = ("57", "67", "68")
"""Moselle, Bas-Rhin, Haut-Rhin: also Good Friday and 26 December, in all their communes."""

ABOLITION = {
    "YT": (4, 27),
    "MQ": (5, 22),
    "GP": (5, 27),
    "MF": (5, 27),
    "GF": (6, 10),
    "BL": (10, 9),
    "RE": (12, 20),
}
"""Month and day of the abolition of slavery, by decree 2012-553."""

_OWN_LAW = {"PF", "NC", "WF"}
"""Territories with a list of their own, which the package ``holidays`` has."""

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


def territory_of(postcode: str) -> str:
    """Return the territory of a postcode, "" for metropolitan France."""
    return _ISLANDS.get(postcode) or _OVERSEAS.get(postcode[:3], "")


def public_holidays(*, territory: str, postcode: str, year: int) -> MappingProxyType[date, str]:
    """Return the statutory holidays of a location in a year by date, with their French names.

    Two holidays may fall on one date: the result then has one date less (Ascension on 1 May 2008).
    """
    territory = territory_of(postcode) if territory in {"", "FR"} else territory
    if not territory and postcode[:2] in LOCAL_LAW:
        territory = postcode[:2]
    return _holidays(territory, year)


@lru_cache(maxsize=512)
def _holidays(territory: str, year: int) -> MappingProxyType[date, str]:
    subdivision = territory if territory in _OWN_LAW else None
    if territory in LOCAL_LAW:
        # The package has the common list of the three departments under the number of Moselle.
        subdivision = LOCAL_LAW[0]
    found = dict(country_holidays("FR", subdiv=subdivision, years=year, language="fr"))
    if territory in ABOLITION:
        found[date(year, *ABOLITION[territory])] = "Abolition de l'esclavage"
    named = {on: name.replace("'", "’") for on, name in sorted(found.items())}
    return MappingProxyType(named)
