"""What an event of an outside calendar says of an appointment, by level of discretion (B-33).

Pure: standard library only. Nobody's e-mail address, reason, answer or link is ever in it, nobody is
invited, and the identifier of the event is computed, never stored and never taken from outside.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

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
"""Google's eleven colours of an event by number; 0 is the calendar's own."""
_WORDS = frozenset({"summary", "description"})
ANONYMOUS = "RDV"
"""What is left of an event whose person was erased."""


class Level(IntEnum):
    """How much of the person the event says."""

    REFERENCE = 0
    INITIALS = 1
    NAMED = 2


class Cleaning(Enum):
    """What happens to the event once the person is erased here (B-34)."""

    KEEP = "keep"
    ANONYMISE = "anonymise"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Visit:
    """What is written: shown times (aware), the zone of the place, and at most a name and a number.

    ``is_named`` is False when nobody is known here any more: then an event that stands keeps its words.
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
    is_named: bool = False


def body_of(visit: Visit, *, level: Level, version: int) -> dict[str, Any]:
    """Return the whole event at this level; without a name it says the reference."""
    said: dict[str, Any] = {"summary": _summary(visit, level), "description": ""}
    if level is Level.NAMED and visit.is_named:
        said["description"] = "\n".join(part for part in (visit.phone, visit.label) if part)
    return {**said, **frame_of(visit, version=version)}


def anonymous_body(visit: Visit, *, version: int) -> dict[str, Any]:
    """Return the event once the person is erased: the times, and nothing else."""
    return {"summary": ANONYMOUS, "description": "", **frame_of(visit, version=version)}


def part_of(body: dict[str, Any], *, words: bool, frame: bool) -> dict[str, Any]:
    """Return what is changed of an event that stands: its words, the rest, both, or its version alone."""
    kept = {
        name
        for name in body
        if (words if name in _WORDS else frame) or name == "extendedProperties"
    }
    return {name: value for name, value in body.items() if name in kept}


def frame_of(visit: Visit, *, version: int) -> dict[str, Any]:
    """Return all but the words."""
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
    """Return the identifier of an event: 52 characters of [0-9a-v], the same for the same arguments.

    Google answers 409 to a second insertion, so a retry whose first answer was lost doubles nothing.
    """
    digest = hmac.digest(key, f"gcal|{ref}|{generation}".encode(), "sha256")
    return base64.b32hexencode(digest).decode().rstrip("=").lower()


def initials(visit: Visit) -> str:
    """Return the initials of the person, "C. S."."""
    return " ".join(f"{name[0].upper()}." for name in (visit.first_name, visit.last_name) if name)


def _summary(visit: Visit, level: Level) -> str:
    full_name = f"{visit.first_name} {visit.last_name}".strip()
    if visit.is_named and level is Level.NAMED and full_name:
        return full_name
    if visit.is_named and level is not Level.REFERENCE and initials(visit):
        return f"RDV {initials(visit)}"
    return f"Réservé (réf. {visit.spoken_ref})"


def _instant(at: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": at.astimezone(ZoneInfo(zone)).isoformat(), "timeZone": zone}
