"""Territories for VAT: where an establishment lies, from its country and postcode (F-11, F-12). Pure.

The codes are those that a client's row keeps. Staff confirm what the address suggests.
"""

from enum import StrEnum


class Territory(StrEnum):
    """A territory with one answer about VAT; the value is an ISO 3166-1 code where one exists."""

    METROPOLE = "FR"  # with Corsica
    MONACO = "MC"
    GUADELOUPE = "GP"
    MARTINIQUE = "MQ"
    REUNION = "RE"
    GUYANE = "GF"
    MAYOTTE = "YT"
    SAINT_PIERRE = "PM"
    SAINT_BARTHELEMY = "BL"
    SAINT_MARTIN = "MF"
    SOUTHERN_LANDS = "TF"
    WALLIS = "WF"
    POLYNESIE = "PF"
    CALEDONIE = "NC"
    UNION = "EU"
    ELSEWHERE = "ZZ"


REDUCED = frozenset({Territory.GUADELOUPE, Territory.MARTINIQUE, Territory.REUNION})
"""8.5 % for services (CGI art. 296)."""
NOT_APPLICABLE = frozenset({Territory.GUYANE, Territory.MAYOTTE})
"""VAT does not apply for now (CGI art. 294-1)."""
VAT_FREE = frozenset(
    {
        Territory.SAINT_PIERRE,
        Territory.SAINT_BARTHELEMY,
        Territory.SAINT_MARTIN,
        Territory.SOUTHERN_LANDS,
        Territory.WALLIS,
        Territory.POLYNESIE,
        Territory.CALEDONIE,
        Territory.ELSEWHERE,
    }
)
"""Outside the territory of French VAT."""

PACIFIC = frozenset({Territory.WALLIS, Territory.POLYNESIE, Territory.CALEDONIE})
"""Accounts there are in Pacific francs, out of reach of SEPA direct debit (F-47)."""

MEMBER_STATES = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
"""The states of the European Union other than France, by ISO code."""

_ISLANDS = {"97133": Territory.SAINT_BARTHELEMY, "97150": Territory.SAINT_MARTIN}
"""Postcodes that begin like those of Guadeloupe."""

_OVERSEAS = {
    "971": Territory.GUADELOUPE,
    "972": Territory.MARTINIQUE,
    "973": Territory.GUYANE,
    "974": Territory.REUNION,
    "975": Territory.SAINT_PIERRE,
    "976": Territory.MAYOTTE,
    "977": Territory.SAINT_BARTHELEMY,
    "978": Territory.SAINT_MARTIN,
    "980": Territory.MONACO,
    "984": Territory.SOUTHERN_LANDS,
    "986": Territory.WALLIS,
    "987": Territory.POLYNESIE,
    "988": Territory.CALEDONIE,
}

_BY_COUNTRY = {
    territory.value: territory
    for territory in Territory
    if territory not in {Territory.METROPOLE, Territory.UNION, Territory.ELSEWHERE}
}


class UnknownPostcode(ValueError):
    """A French postcode that is not of five digits, or begins with no known department."""


def territory_of(country: str, postcode: str) -> Territory:
    """Return the territory of an address: ISO code of its country, postcode as typed.

    For France the postcode decides, spaces ignored; raises UnknownPostcode when it cannot.
    """
    if country == "FR":
        return _french_territory(postcode.replace(" ", ""))
    if country in _BY_COUNTRY:
        return _BY_COUNTRY[country]
    return Territory.UNION if country in MEMBER_STATES else Territory.ELSEWHERE


def _french_territory(postcode: str) -> Territory:
    if not (len(postcode) == 5 and postcode.isascii() and postcode.isdigit()):
        raise UnknownPostcode(postcode)
    if postcode in _ISLANDS:
        return _ISLANDS[postcode]
    if postcode[:2] in {"97", "98"}:
        if postcode[:3] not in _OVERSEAS:
            raise UnknownPostcode(postcode)
        return _OVERSEAS[postcode[:3]]
    if not "01" <= postcode[:2] <= "95":
        raise UnknownPostcode(postcode)
    return Territory.METROPOLE


def country_of(territory: Territory, country: str) -> str:
    """Return the ISO code that an invoice writes as the country of an address (BT-40, BT-55).

    Departments overseas and Saint-Martin are written FR, as the directory of e-invoicing does; the other
    territories have their own code.
    """
    if territory in _WRITTEN_AS_FRANCE:
        return "FR"
    if territory in {Territory.UNION, Territory.ELSEWHERE}:
        return country
    return territory.value


_WRITTEN_AS_FRANCE = frozenset(
    {
        Territory.METROPOLE,
        Territory.GUADELOUPE,
        Territory.MARTINIQUE,
        Territory.REUNION,
        Territory.GUYANE,
        Territory.MAYOTTE,
        Territory.SAINT_MARTIN,
    }
)
