"""French notation of dates, hours and telephone numbers.

Every function is pure: "today" and the zone are arguments. No-break spaces prevent a line break inside a date,
an hour and a number, and before : ; ? and !.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import phonenumbers

NBSP = "\u00a0"

_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_NUMBERS = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit")
_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)

# The common names of the local times (B-18); that of Paris is not mentioned in texts.
_ZONE_NAMES = {
    "America/Cayenne": "heure de Guyane",
    "America/Guadeloupe": "heure de Guadeloupe",
    "America/Marigot": "heure de Saint-Martin",
    "America/Martinique": "heure de Martinique",
    "America/Miquelon": "heure de Saint-Pierre-et-Miquelon",
    "America/St_Barthelemy": "heure de Saint-Barthélemy",
    "Europe/Paris": "heure de Paris",
    "Indian/Mayotte": "heure de Mayotte",
    "Indian/Reunion": "heure de La Réunion",
    "Pacific/Gambier": "heure des Gambier",
    "Pacific/Marquesas": "heure des Marquises",
    "Pacific/Noumea": "heure de Nouméa",
    "Pacific/Tahiti": "heure de Tahiti",
    "Pacific/Wallis": "heure de Wallis-et-Futuna",
}

# The country codes whose numbers are dialled with 0 and nine digits inside their territory.
_FRENCH_CODES = {33, 262, 590, 594, 596}

# The ranges of mobile numbers, to which an SMS may be sent (B-07).
_MOBILE = re.compile(r"\+(?:33[67]|59069[01]|594694|59669[67]|26269[23]|262639)\d+")
# Surcharged and short numbers, which reach a service and not a person (B-07).
_REFUSED = re.compile(r"\+33[38]\d{3}$|\+338\d{8}$|\+(?:262|590|594|596)8\d+")

# The mobile numbers reserved for fiction, used by the demonstration and the tests; the numbering data of
# phonenumbers lack this range.
_FICTION_PREFIX = "063998"
_FICTION = re.compile(r"\+3363998\d{4}")


# What the national numbers of overseas territories begin with (the metadata of libphonenumber, which follow
# the numbering plan of ARCEP). None of these is used in metropolitan France, whose own ranges
# libphonenumber takes too widely. Saint-Martin and Saint-Barthélemy share those of Guadeloupe, code 590.
_TERRITORIES: dict[str, tuple[str, ...]] = {
    "GP": ("0590", "0690", "0691"),
    "GF": ("0594", "0694"),
    "MQ": ("0596", "0696", "0697"),
    "RE": ("0262", "0263", "0692", "0693"),
    "YT": ("0269", "0639"),
}
LONGEST_PHONE = 40
"""Characters of the longest spelling of a number, with its blanks."""


class UnreadablePhoneError(ValueError):
    """The typed text is not the telephone number of a person."""


class ForeignPhoneError(UnreadablePhoneError):
    """The digits may be a number of another country, typed without its code."""


def weekday(day: dt.date) -> str:
    """Return the name of the weekday in lower case: "mardi"."""
    return _WEEKDAYS[day.weekday()]


def month(day: dt.date) -> str:
    """Return the name of the month in lower case: "novembre"."""
    return _MONTHS[day.month - 1]


def day_number(day: dt.date) -> str:
    """Return the number of the day in its month: "1er", then "2" to "31"."""
    return "1er" if day.day == 1 else str(day.day)


def legal_day(day: dt.date) -> str:
    """Return a date that is a limit, always with its year: "10 novembre 2027"."""
    return NBSP.join((day_number(day), month(day), str(day.year)))


def long_day(day: dt.date, *, today: dt.date) -> str:
    """Return "mardi 24 novembre", with the year when it is not that of `today`."""
    words = [weekday(day), day_number(day), month(day)]
    if day.year != today.year:
        words.append(str(day.year))
    return NBSP.join(words)


def short_day(day: dt.date) -> str:
    """Return a date for an SMS or a table: "24/11/2026"."""
    return f"{day:%d/%m/%Y}"


def hour(time: dt.time | dt.datetime) -> str:
    """Return "14 h 30", or "9 h" on the hour."""
    if time.minute == 0:
        return f"{time.hour}{NBSP}h"
    return f"{time.hour}{NBSP}h{NBSP}{time.minute:02d}"


def minute_of_day(minute: int) -> str:
    """Return a minute of the local day, 0 to 1440, as an hour: "14 h 30", "9 h", "24 h"."""
    hours, minutes = divmod(minute, 60)
    return f"{hours}{NBSP}h{NBSP}{minutes:02d}" if minutes else f"{hours}{NBSP}h"


def clock(time: dt.time | dt.datetime) -> str:
    """Return "9 h 00": with its minutes also on the hour, for columns."""
    return f"{time.hour}{NBSP}h{NBSP}{time.minute:02d}"


def short_hour(time: dt.time | dt.datetime) -> str:
    """Return an hour for an SMS or a table: "14:30"."""
    return f"{time:%H:%M}"


def day_and_hour(moment: dt.datetime, *, today: dt.date) -> str:
    """Return "mardi 24 novembre à 14 h 30"; `moment` is in the zone of the location."""
    return f"{long_day(moment.date(), today=today)} à{NBSP}{hour(moment)}"


def one_week_in(weeks: int) -> str:
    """Return a frequency: "toutes les semaines" for 1, "une semaine sur deux" for 2, up to 8."""
    if weeks == 1:
        return "toutes les semaines"
    return f"une semaine sur {_NUMBERS[weeks]}"


def zone_name(zone: ZoneInfo | str) -> str:
    """Return the common name of the local time of a zone: "heure de La Réunion"."""
    key = str(zone)
    return _ZONE_NAMES.get(key, "heure de " + key.rpartition("/")[2].replace("_", " "))


def zone_mention(zone: ZoneInfo | str) -> str:
    """Return the name of the local time in brackets, or "" for Paris (B-19).

    A message may be read in metropolitan France, where the hour of an overseas location misleads.
    """
    return "" if str(zone) == "Europe/Paris" else f" ({zone_name(zone)})"


def read_phone(typed: str, *, region: str) -> str:
    """Return in E.164 a number typed in `region` (ISO code of the territory: "FR", "GP" ...; B-07).

    A national number is read by its own first digits: "0692 ..." is one of La Réunion wherever it is typed,
    "0596 ..." one of Martinique and not one of metropolitan France. Raises ForeignPhoneError for a number that
    looks like one of another country without its code, UnreadablePhoneError for other text, and for short and
    surcharged numbers.
    """
    if len(typed) > LONGEST_PHONE:
        raise UnreadablePhoneError
    for country in _countries_of(typed, region):
        try:
            number = phonenumbers.parse(typed, country)
        except phonenumbers.NumberParseException:
            continue
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        is_real = phonenumbers.is_valid_number(number) and not number.extension
        if (is_real and not _REFUSED.match(written)) or _FICTION.fullmatch(written):
            return written
    digits = _digits_of(typed)
    if len(digits) >= 7 and not digits.startswith("0") and not typed.lstrip(" (").startswith("+"):
        raise ForeignPhoneError
    raise UnreadablePhoneError


def _countries_of(typed: str, region: str) -> Iterable[str]:
    """Return the territories in which a number is read, the likeliest first."""
    digits = _digits_of(typed)
    if len(digits) == 10 and digits.startswith("0") and not digits.startswith(_FICTION_PREFIX):
        for territory, prefixes in _TERRITORIES.items():
            if digits.startswith(prefixes):
                return (territory,)
    return dict.fromkeys((region, "FR"))


def _digits_of(typed: str) -> str:
    return phonenumbers.normalize_digits_only(typed)


def is_mobile(number: str) -> bool:
    """Return whether an SMS may be sent to this E.164 number (B-07)."""
    return _MOBILE.fullmatch(number) is not None


def phone(number: str) -> str:
    """Return an E.164 number in national notation: "05 36 49 00 12"; a foreign one in international notation."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    if parsed.country_code in _FRENCH_CODES:
        digits = f"{parsed.national_number:09d}"
        return NBSP.join(("0" + digits[0], *(digits[i : i + 2] for i in range(1, 9, 2))))
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return written.replace("-", " ").replace(" ", NBSP)
