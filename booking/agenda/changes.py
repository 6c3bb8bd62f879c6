"""The changes in the agendas since a user last confirmed them, read from the audit trail."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.agenda.rows import Row, rows_of
from booking.models import Appointment, LastVisit
from tenants.accounts.models import User
from tenants.audit.models import AuditEvent
from tenants.audit.services import PATIENT, actor_of

VERBS = (
    "appointment.booked",
    "appointment.moved",
    "appointment.cancelled",
    "appointment.late",
    "contact.corrected",
    "reminder.stopped",
    "erasure.asked",
)
FIRST_TIME = timedelta(days=1)
"""The period shown to a user who has never pressed "vu"."""
MOST = 30
SCANNED = 300
_LABELS: dict[str, tuple[Promise, Promise]] = {
    "appointment.booked": (gettext_lazy("Pris en ligne"), gettext_lazy("Pris par le cabinet")),
    "appointment.moved": (
        gettext_lazy("Déplacé par la personne"),
        gettext_lazy("Déplacé par le cabinet"),
    ),
    "appointment.cancelled": (
        gettext_lazy("Annulé par la personne"),
        gettext_lazy("Annulé par le cabinet"),
    ),
    "contact.corrected": (gettext_lazy("Coordonnées corrigées"),) * 2,
    "reminder.stopped": (gettext_lazy("Ne veut pas de rappel"),) * 2,
    "erasure.asked": (gettext_lazy("Effacement demandé"),) * 2,
}
"""The labels of each verb but a late arrival: for the person as actor, and for the practice as actor."""


@dataclass(frozen=True)
class AgendaChange:
    """The last event of one appointment, and whether its person was the actor."""

    verb: str
    at: datetime
    is_by_person: bool
    row: Row

    @property
    def starts(self) -> datetime:
        """The start of the appointment in the zone of its location."""
        appointment = self.row.appointment
        return appointment.starts_at.astimezone(ZoneInfo(appointment.location.time_zone))

    @property
    def label(self) -> str:
        """The French label of the event."""
        appointment = self.row.appointment
        if self.verb == "appointment.late":
            return _("Prévient d’un retard de %(n)d minutes") % {"n": appointment.late_min or 0}
        is_booked_online = (
            self.verb == "appointment.booked" and appointment.origin == Appointment.Origin.PATIENT
        )
        by_person, by_practice = _LABELS[self.verb]
        return str(by_person if self.is_by_person or is_booked_online else by_practice)


@dataclass(frozen=True)
class Changes:
    """The changes, newest first, with instants in the zone of the query.

    ``until`` is the key of the event that "vu" confirms; ``since`` is when the user last pressed it, if ever.
    """

    lines: list[AgendaChange]
    since: datetime | None
    until: int
    are_more: bool


def changes_for(
    *, user: User, practitioner_ids: Collection[int], zone: ZoneInfo, now: datetime
) -> Changes:
    """Return what other actors changed in these agendas since ``user`` pressed "vu"; one line per appointment.

    Three queries; the audit trail is read backwards from its end.
    """
    mark = LastVisit.objects.filter(user=user).first()
    events = AuditEvent.objects.filter(
        verb__in=VERBS, id__gt=mark.event_id if mark else 0
    ).order_by("-id")
    scanned = list(events[:SCANNED])
    newest: dict[UUID, AuditEvent] = {}
    for event in scanned:
        is_recent = mark is not None or event.at >= now - FIRST_TIME
        if is_recent and event.actor != actor_of(user.pk):
            newest.setdefault(event.ref, event)
    refs = list(newest)[:MOST]
    rows = {
        row.appointment.ref: row for row in rows_of(refs=refs, practitioner_ids=practitioner_ids)
    }
    events_of_rows = [newest[ref] for ref in refs if ref in rows]
    return Changes(
        lines=[
            AgendaChange(
                event.verb, event.at.astimezone(zone), event.actor == PATIENT, rows[event.ref]
            )
            for event in events_of_rows
        ],
        since=mark.seen_at.astimezone(zone) if mark else None,
        until=scanned[0].id if scanned else 0,
        are_more=len(newest) > MOST or len(scanned) == SCANNED,
    )


def note_seen(*, user: User, event_id: int, now: datetime) -> None:
    """Store that ``user`` has read up to ``event_id``; never an earlier event, never one after the last event.

    Records no audit event: the audit trail holds changes, not reading.
    """
    last = AuditEvent.objects.aggregate(last=Max("id"))["last"] or 0
    until = min(event_id, last)
    mark, is_new = LastVisit.objects.get_or_create(
        user=user, defaults={"event_id": until, "seen_at": now}
    )
    if not is_new and until > mark.event_id:
        mark.event_id, mark.seen_at = until, now
        mark.save(update_fields=["event_id", "seen_at"])
