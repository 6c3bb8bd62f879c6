"""Example events for each level, written by the function that writes the real events."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from booking.formats.french import phone
from booking.rules.erasure import Level
from booking.rules.event_body import (
    EventVisit,
    body_of,
)
from tenants.refs import spoken_code

_REF = uuid.UUID("3e94a0de-0000-0000-0000-000000000000")
_START = datetime(2026, 11, 24, 13, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Example:
    """The title of an event, and the lines below it."""

    title: str
    lines: list[str]


def examples() -> list[Example]:
    """Return one example for each level, of a fictitious person."""
    visit = EventVisit(
        starts_at=_START,
        ends_at=_START + timedelta(minutes=45),
        zone="Europe/Paris",
        spoken_ref=spoken_code(_REF),
        label=_("Consultation"),
        first_name="Camille",
        last_name="Spécimen",
        phone="+33639980104",
        is_named=True,
    )
    return [_example(visit, level) for level in Level]


def _example(visit: EventVisit, level: Level) -> Example:
    body = body_of(visit, level=level, version=1)
    lines = str(body["description"]).splitlines()
    return Example(
        body["summary"], [phone(line) if line == visit.phone else line for line in lines]
    )
