"""The body of an event in an external calendar, by level of discretion (B-33).

It never holds an e-mail address, a link or an answer of the form, except the address of a home visit where the
client has instructed it (B-14), and it has no guests. The identifier of the
event is computed; it is neither stored nor read from Google.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from booking.rules.erasure import Level

COLOURS: Mapping[int, str] = MappingProxyType(
    {
        0: "",
        1: "lavande",
        2: "sauge",
        3: "raisin",
        4: "flamant",
        5: "banane",
        6: "mandarine",
        7: "paon",
        8: "graphite",
        9: "myrtille",
        10: "basilic",
        11: "tomate",
    }
)
"""Google's eleven colours of events by number; 0 is the colour of the calendar."""
_WORDS = frozenset({"summary", "description", "location"})
ANONYMOUS = "RDV"
"""The title of an event whose person is erased."""


@dataclass(frozen=True, slots=True)
class EventVisit:
    """The data of an event: shown times (aware), the zone of the location, and at most names and a number.

    ``home_address`` is the address of a home visit, on one line, or "".
    ``is_named`` is False once the person is erased here; an existing event then keeps its title and text.
    """

    starts_at: datetime
    ends_at: datetime
    zone: str
    spoken_ref: str
    label: str
    colour: int = 0
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    home_address: str = ""
    is_named: bool = False


def body_of(visit: EventVisit, *, level: Level, version: int) -> dict[str, Any]:
    """Return the whole event at this level; without a name its title is the reference."""
    words: dict[str, Any] = {"summary": _summary(visit, level), "description": "", "location": ""}
    if level is Level.NAMED and visit.is_named:
        words["description"] = "\n".join(part for part in (visit.phone, visit.label) if part)
        words["location"] = visit.home_address
    return {**words, **frame_of(visit, version=version)}


def anonymous_body(visit: EventVisit, *, version: int) -> dict[str, Any]:
    """Return the event of an erased person: its times and no data about the person."""
    return {
        "summary": ANONYMOUS,
        "description": "",
        "location": "",
        **frame_of(visit, version=version),
    }


def part_of(body: dict[str, Any], *, words: bool, frame: bool) -> dict[str, Any]:
    """Return the fields to change in an existing event: title and text, the others, both, or the version only."""
    kept = {
        name
        for name in body
        if (words if name in _WORDS else frame) or name == "extendedProperties"
    }
    return {name: value for name, value in body.items() if name in kept}


def frame_of(visit: EventVisit, *, version: int) -> dict[str, Any]:
    """Return all fields but the title, the text and the address."""
    framed: dict[str, Any] = {
        "start": _instant(visit.starts_at, visit.zone),
        "end": _instant(visit.ends_at, visit.zone),
        "status": "confirmed",
        "visibility": "private",
        "transparency": "opaque",
        "guestsCanInviteOthers": False,
        "guestsCanModify": False,
        "guestsCanSeeOtherGuests": False,
        "extendedProperties": {"private": {"librdv": "1", "v": str(version)}},
    }
    if visit.colour:
        framed["colorId"] = str(visit.colour)
    return framed


def event_id(*, key: bytes, ref: UUID, generation: int) -> str:
    """Return the identifier of an event: 52 characters of [0-9a-v], a function of the arguments.

    Google answers 409 to a second insertion, so that a retry after a lost answer creates no second event.
    """
    digest = hmac.digest(key, f"gcal|{ref}|{generation}".encode(), "sha256")
    return base64.b32hexencode(digest).decode().rstrip("=").lower()


def initials(visit: EventVisit) -> str:
    """Return the initials of the person, "C. S."."""
    return " ".join(f"{name[0].upper()}." for name in (visit.first_name, visit.last_name) if name)


def _summary(visit: EventVisit, level: Level) -> str:
    full_name = f"{visit.first_name} {visit.last_name}".strip()
    if visit.is_named and level is Level.NAMED and full_name:
        return full_name
    if visit.is_named and level is not Level.REFERENCE and initials(visit):
        return f"RDV {initials(visit)}"
    return f"Réservé (réf. {visit.spoken_ref})"


def _instant(at: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": at.astimezone(ZoneInfo(zone)).isoformat(), "timeZone": zone}
