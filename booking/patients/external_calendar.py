"""The external calendars that receive appointments, and the sentences about them for patients (T-1, T-11)."""

from dataclasses import dataclass
from enum import StrEnum

from django.db import connection
from django.utils.translation import gettext as _

from booking.calendar_sync import calendar_entries
from booking.calendar_sync.calendar_entries import CalendarSyncState
from booking.rules.erasure import EventCleanup, Level

# An account in state "leaving" receives no appointment any more; a feed of level 0 contains no personal data.
_EXTERNAL_CALENDARS = """
SELECT 'google' AS kind, p.id, p.name, a.level, a.on_erasure, a.state = 'connected', a.writes_home_address
FROM booking_googleaccount a JOIN booking_practitioner p ON p.id = a.practitioner_id
WHERE a.state <> 'leaving' AND (%(practitioner)s IS NULL OR p.id = %(practitioner)s)
UNION ALL
SELECT 'feed', p.id, p.name, f.level, 'keep', true, false
FROM booking_feed f JOIN booking_practitioner p ON p.id = f.practitioner_id
WHERE f.level > 0 AND (%(practitioner)s IS NULL OR p.id = %(practitioner)s)
ORDER BY 1 DESC, 3, 2
"""


class CalendarKind(StrEnum):
    """The way in which appointments reach the calendar."""

    GOOGLE = "google"
    FEED = "feed"


@dataclass(frozen=True)
class ExternalCalendar:
    """An external calendar of one practitioner; ``level`` is the amount of personal data it receives."""

    kind: CalendarKind
    practitioner: str
    level: Level
    cleanup: EventCleanup = EventCleanup.KEEP
    is_connected: bool = True
    writes_home_address: bool = False

    @property
    def disclosure(self) -> str:
        """The personal data that the calendar receives, as a phrase in French."""
        if self.writes_home_address:
            return _("votre nom, votre téléphone, le motif et, à domicile, votre adresse")
        if self.level is Level.NAMED:
            return _("votre nom, votre téléphone et le motif")
        return _("vos initiales") if self.level is Level.INITIALS else _("sans votre nom")

    @property
    def sentence(self) -> str:
        """The sentence about the calendar for patients (T-1)."""
        words = {"practitioner": self.practitioner, "disclosure": self.disclosure}
        if self.kind is CalendarKind.FEED:
            return (
                _(
                    "%(practitioner)s lit aussi ses rendez-vous dans un autre logiciel (%(disclosure)s)."
                )
                % words
            )
        return (
            _(
                "Le rendez-vous est inscrit dans l’agenda Google de %(practitioner)s (%(disclosure)s), "
                "qui reste seul responsable de son agenda."
            )
            % words
        )

    @property
    def sync_state(self) -> CalendarSyncState:
        """The expected state of a future booking in the calendar (B-21); ``NOT_THERE`` for a feed."""
        if self.kind is CalendarKind.FEED:
            return calendar_entries.NOT_THERE
        return calendar_entries.pending_sync_state(
            level=self.level,
            cleanup=self.cleanup,
            holds_home_address=self.writes_home_address,
            is_connected=self.is_connected,
        )


def calendars(*, practitioner_id: int | None = None) -> list[ExternalCalendar]:
    """Return the external calendars of one practitioner or, for None, of all; Google's first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTERNAL_CALENDARS, {"practitioner": practitioner_id})
        rows = cursor.fetchall()
    return [
        ExternalCalendar(
            CalendarKind(kind), name, Level(level), EventCleanup(cleanup), is_connected, has_address
        )
        for kind, _practitioner_id, name, level, cleanup, is_connected, has_address in rows
    ]
