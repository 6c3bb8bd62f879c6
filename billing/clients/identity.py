"""Checks of a client's legal identity, as typed (G-04, G-05). Pure: no database, no clock, no network.

Each reader returns the value as the tables keep it, without blanks and in capitals, or raises ``IdentityRefused``
with the reason; ``billing.clients.identity_texts`` says the reasons in French. An empty text is no number and is
returned as it is: most practitioners have no VAT number.
"""

import re
from collections.abc import Iterator
from enum import StrEnum

from stdnum.eu import vat as european_vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siren as siren_number
from stdnum.fr import siret as siret_number
from stdnum.fr import tva as french_vat

from billing.territories import Territory
from tenants.website.professions import Number, has_valid_key, read_number

_BLANKS = re.compile(r"[\s.\u00a0\u202f\u2009-]")
_EI = re.compile(
    r"(?<!\w)(?:E\.?I\.?|entrepren(?:eure?|euse) individuel(?:le)?)(?!\w)", re.IGNORECASE
)
EI = "EI"


class LegalForm(StrEnum):
    """Legal forms of professionals; the value is what a client's row keeps."""

    SOLE_TRADER = "EI"
    EURL = "EURL"
    SARL = "SARL"
    SASU = "SASU"
    SAS = "SAS"
    SELARL = "SELARL"
    SELURL = "SELURL"
    SELAS = "SELAS"
    SELASU = "SELASU"
    SCP = "SCP"
    SCM = "SCM"
    SISA = "SISA"
    ASSOCIATION = "association"
    PUBLIC = "public"
    FOREIGN = "foreign"
    OTHER = "other"


class IdentityReason(StrEnum):
    """Why an identity is refused, or deserves a second reading."""

    SIREN_LENGTH = "siren_length"
    SIREN_KEY = "siren_key"
    SIREN_MISSING = "siren_missing"
    SIRET_LENGTH = "siret_length"
    SIRET_KEY = "siret_key"
    SIRET_OF_ANOTHER = "siret_of_another"
    VAT_COUNTRY = "vat_country"
    VAT_SHAPE = "vat_shape"
    VAT_OF_ANOTHER = "vat_of_another"
    VAT_MISSING = "vat_missing"
    RPPS_SHAPE = "rpps_shape"
    RPPS_KEY = "rpps_key"
    ADELI_SHAPE = "adeli_shape"
    ADELI_ENDS = "adeli_ends"


class IdentityRefused(ValueError):
    """What was typed is not a number of its kind."""

    def __init__(self, reason: IdentityReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


# --- Companies ---------------------------------------------------------------------------------------


def read_siren(typed: str) -> str:
    """Return a SIREN: nine digits, Luhn."""
    value = _BLANKS.sub("", typed)
    if value and not _is_digits(value, 9):
        raise IdentityRefused(IdentityReason.SIREN_LENGTH)
    # Zeros have a right key, and belong to nobody.
    if value and (not siren_number.is_valid(value) or not int(value)):
        raise IdentityRefused(IdentityReason.SIREN_KEY)
    return value


def read_siret(typed: str) -> str:
    """Return a SIRET: fourteen digits, Luhn; those of La Poste have a sum of digits that five divides."""
    value = _BLANKS.sub("", typed)
    if value and not _is_digits(value, 14):
        raise IdentityRefused(IdentityReason.SIRET_LENGTH)
    if value and (not siret_number.is_valid(value) or not int(value[:9])):
        raise IdentityRefused(IdentityReason.SIRET_KEY)
    return value


def read_vat_number(typed: str) -> str:
    """Return a VAT number of the European Union with its country, its key checked as its country does."""
    value = _BLANKS.sub("", typed).upper()
    if not value:
        return ""
    if not re.match("[A-Z]{2}", value):
        raise IdentityRefused(IdentityReason.VAT_COUNTRY)
    if not european_vat.is_valid(value):
        known = value[:2].lower() in {*european_vat.MEMBER_STATES, "el", "fr"}
        raise IdentityRefused(IdentityReason.VAT_SHAPE if known else IdentityReason.VAT_COUNTRY)
    # Greece writes EL before its VAT numbers.
    return "EL" + value[2:] if value[:2] == "GR" else value


def vat_number_of(siren: str) -> str:
    """Return the French VAT number of a SIREN: key (12 + 3 × (SIREN mod 97)) mod 97."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def _is_digits(value: str, length: int) -> bool:
    return len(value) == length and value.isascii() and value.isdigit()


def contradictions(
    *, territory: Territory, siren: str, siret: str, vat_number: str
) -> Iterator[IdentityReason]:
    """Yield what is wrong between the numbers of one client; each is valid alone or empty.

    A SIREN is mandatory where companies have one: neither in the Pacific, which has its own registers, nor in
    Monaco and abroad. A VAT number of Monaco holds no SIREN. A buyer of another member state needs a VAT number.
    """
    if not siren and territory in _WITH_SIREN:
        yield IdentityReason.SIREN_MISSING
    if siret and not siret.startswith(siren):
        yield IdentityReason.SIRET_OF_ANOTHER
    if vat_number.startswith("FR") and siren and _siren_in(vat_number) not in {"", siren}:
        yield IdentityReason.VAT_OF_ANOTHER
    if territory is Territory.UNION and not vat_number:
        yield IdentityReason.VAT_MISSING


_WITH_SIREN = frozenset(
    {
        Territory.METROPOLE,
        Territory.GUADELOUPE,
        Territory.MARTINIQUE,
        Territory.REUNION,
        Territory.GUYANE,
        Territory.MAYOTTE,
        Territory.SAINT_PIERRE,
        Territory.SAINT_BARTHELEMY,
        Territory.SAINT_MARTIN,
    }
)


def _siren_in(vat_number: str) -> str:
    try:
        return str(french_vat.to_siren(vat_number))
    except ValidationError:  # a number of Monaco
        return ""


def name_on_documents(name: str, *, is_sole_trader: bool) -> str:
    """Return a name with "EI" after it for a sole trader, unless it says so already (C. com. R.526-27)."""
    if not is_sole_trader or _EI.search(name):
        return name
    return f"{name} {EI}"


# --- Professionals -----------------------------------------------------------------------------------


def read_rpps(typed: str) -> str:
    """Return an RPPS number: eleven digits. Its key is not checked here: see ``professional_warnings``."""
    return _read_professional(Number.RPPS, typed, IdentityReason.RPPS_SHAPE)


def read_adeli(typed: str) -> str:
    """Return an ADELI number: nine characters, of which the department may be 2A or 2B."""
    return _read_professional(Number.ADELI, typed, IdentityReason.ADELI_SHAPE)


def _read_professional(kind: Number, typed: str, reason: IdentityReason) -> str:
    try:
        return read_number(kind, typed)
    except ValueError:
        raise IdentityRefused(reason) from None


def professional_warnings(*, rpps: str, adeli: str) -> Iterator[IdentityReason]:
    """Yield what deserves a second reading and refuses nothing: a wrong key, an ADELI without RPPS."""
    if rpps and not has_valid_key(rpps):
        yield IdentityReason.RPPS_KEY
    if adeli and not rpps:
        yield IdentityReason.ADELI_ENDS
