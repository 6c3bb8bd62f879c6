"""Dates, hours and telephone numbers as French readers write them.

Every function is pure: the day "today" and the zone are arguments. No-break spaces stand where a
line must not be cut: inside a date, an hour and a number, and before : ; ? and !.
"""

from __future__ import annotations

import datetime as dt
import re
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

# What people call the hour of a place (B-18). Paris is the hour nobody needs to name.
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

# Numbers reached by dialling 0 and nine digits inside their own territory.
_FRENCH_CODES = {33, 262, 590, 594, 596}

# B-07: the ranges to which an SMS may be sent.
_MOBILE = re.compile(r"\+(?:33[67]|59069[01]|594694|59669[67]|26269[23]|262639)\d+")
# B-07: surcharged and short numbers reach a service, not a person.
_REFUSED = re.compile(r"\+33[38]\d{3}$|\+338\d{8}$|\+(?:262|590|594|596)8\d+")

# The mobile numbers that no operator may give out: demonstrations and tests use them. The numbering
# data of phonenumbers do not know the range.
_FICTION = re.compile(r"\+3363998\d{4}")


class UnreadablePhoneError(ValueError):
    """What was typed is not the telephone number of a person."""


def weekday(day: dt.date) -> str:
    """Name of the weekday, lower case: "mardi"."""
    return _WEEKDAYS[day.weekday()]


def month(day: dt.date) -> str:
    """Name of the month, lower case: "novembre"."""
    return _MONTHS[day.month - 1]


def day_number(day: dt.date) -> str:
    """Number of the day in its month: "1er", then "2" to "31"."""
    return "1er" if day.day == 1 else str(day.day)


def legal_day(day: dt.date) -> str:
    """A day that is a limit, always with its year: "10 novembre 2027"."""
    return NBSP.join((day_number(day), month(day), str(day.year)))


def long_day(day: dt.date, *, today: dt.date) -> str:
    """ "mardi 24 novembre", with the year when it is not the year of `today`."""
    words = [weekday(day), day_number(day), month(day)]
    if day.year != today.year:
        words.append(str(day.year))
    return NBSP.join(words)


def short_day(day: dt.date) -> str:
    """A day for an SMS or a table: "24/11/2026"."""
    return f"{day:%d/%m/%Y}"


def hour(time: dt.time | dt.datetime) -> str:
    """ "14 h 30", and "9 h" on the hour."""
    if time.minute == 0:
        return f"{time.hour}{NBSP}h"
    return f"{time.hour}{NBSP}h{NBSP}{time.minute:02d}"


def minute_of_day(minute: int) -> str:
    """A minute of the local day, of which the last ends it: "14 h 30", "9 h", "24 h"."""
    hours, minutes = divmod(minute, 60)
    return f"{hours}{NBSP}h{NBSP}{minutes:02d}" if minutes else f"{hours}{NBSP}h"


def clock(time: dt.time | dt.datetime) -> str:
    """ "9 h 00": hours in a column always carry their minutes."""
    return f"{time.hour}{NBSP}h{NBSP}{time.minute:02d}"


def short_hour(time: dt.time | dt.datetime) -> str:
    """An hour for an SMS or a table: "14:30"."""
    return f"{time:%H:%M}"


def day_and_hour(moment: dt.datetime, *, today: dt.date) -> str:
    """ "mardi 24 novembre à 14 h 30"; `moment` is already in the zone of the place."""
    return f"{long_day(moment.date(), today=today)} à{NBSP}{hour(moment)}"


def one_week_in(weeks: int) -> str:
    """How often something comes back: "une semaine sur deux", up to eight; every week for one."""
    if weeks == 1:
        return "toutes les semaines"
    return f"une semaine sur {_NUMBERS[weeks]}"


def zone_name(zone: ZoneInfo | str) -> str:
    """What people call the hour of a zone: "heure de La Réunion"."""
    key = str(zone)
    return _ZONE_NAMES.get(key, "heure de " + key.rpartition("/")[2].replace("_", " "))


def zone_mention(zone: ZoneInfo | str) -> str:
    """The name of the hour in brackets, or nothing for Paris: a message cannot know where it is
    read, and far from Paris the hour misleads who reads it in metropolitan France (B-19)."""
    return "" if str(zone) == "Europe/Paris" else f" ({zone_name(zone)})"


def read_phone(typed: str, *, region: str) -> str:
    """E.164 of a number typed in `region` (ISO code of the territory, "FR", "GP"...; B-07).

    A number that is none of the territory's is read as one of metropolitan France. Raises
    UnreadablePhoneError for what is no number, a short number or a surcharged one.
    """
    for country in dict.fromkeys((region, "FR")):
        try:
            number = phonenumbers.parse(typed, country)
        except phonenumbers.NumberParseException:
            continue
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        is_real = phonenumbers.is_valid_number(number) and not number.extension
        if (is_real and not _REFUSED.match(written)) or _FICTION.fullmatch(written):
            return written
    raise UnreadablePhoneError


def is_mobile(number: str) -> bool:
    """Whether an SMS may be sent to this E.164 number (B-07)."""
    return _MOBILE.fullmatch(number) is not None


def phone(number: str) -> str:
    """An E.164 number as it is read aloud in France: "05 36 49 00 12"."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    if parsed.country_code in _FRENCH_CODES:
        digits = f"{parsed.national_number:09d}"
        return NBSP.join(("0" + digits[0], *(digits[i : i + 2] for i in range(1, 9, 2))))
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return written.replace("-", " ").replace(" ", NBSP)
