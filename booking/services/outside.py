"""Calendars outside into which appointments go: what patients are told of them (T-1, T-11)."""

from dataclasses import dataclass
from enum import StrEnum

from django.db import connection
from django.utils.translation import gettext as _

from booking.event_body import Cleaning, Level
from booking.services import calendar_entries
from booking.services.calendar_entries import Standing

# A link that is being ended takes nothing any more; a feed without names tells nothing of anybody.
_OUTSIDE = """
SELECT 'google' AS kind, p.id, p.name, a.level, a.on_erasure, a.state = 'connected'
FROM booking_googleaccount a JOIN booking_practitioner p ON p.id = a.practitioner_id
WHERE a.state <> 'leaving' AND (%(who)s IS NULL OR p.id = %(who)s)
UNION ALL
SELECT 'feed', p.id, p.name, f.level, 'keep', true
FROM booking_feed f JOIN booking_practitioner p ON p.id = f.practitioner_id
WHERE f.level > 0 AND (%(who)s IS NULL OR p.id = %(who)s)
ORDER BY 1 DESC, 3, 2
"""


class Kind(StrEnum):
    """How appointments get there."""

    GOOGLE = "google"
    FEED = "feed"


@dataclass(frozen=True)
class Outside:
    """One practitioner's calendar outside, and how much it is told of a person."""

    kind: Kind
    practitioner: str
    level: Level
    cleaning: Cleaning = Cleaning.KEEP
    is_connected: bool = True

    @property
    def told(self) -> str:
        """What that calendar is told of the person, in a few words."""
        if self.level is Level.NAMED:
            return _("votre nom, votre téléphone et le motif")
        return _("vos initiales") if self.level is Level.INITIALS else _("sans votre nom")

    @property
    def said(self) -> str:
        """The sentence that the person reads (T-1)."""
        words = {"who": self.practitioner, "told": self.told}
        if self.kind is Kind.FEED:
            return _("%(who)s lit aussi ses rendez-vous dans un autre logiciel (%(told)s).") % words
        return (
            _(
                "Le rendez-vous est inscrit dans l’agenda Google de %(who)s (%(told)s), "
                "qui reste seul responsable de son agenda."
            )
            % words
        )

    @property
    def standing(self) -> Standing:
        """How an appointment that is still to be taken will stand there (B-21); a feed never counts."""
        if self.kind is Kind.FEED:
            return calendar_entries.NOT_THERE
        return calendar_entries.standing_to_be(
            level=self.level, cleaning=self.cleaning, is_connected=self.is_connected
        )


def calendars(*, practitioner_id: int | None = None) -> list[Outside]:
    """Return the calendars outside of one practitioner, or of all, Google's first: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTSIDE, {"who": practitioner_id})
        rows = cursor.fetchall()
    return [
        Outside(Kind(kind), name, Level(level), Cleaning(cleaning), is_connected)
        for kind, _who, name, level, cleaning, is_connected in rows
    ]
