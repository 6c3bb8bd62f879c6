"""What changed in the agendas since somebody last looked, told from the trail: ids there, names never."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Max

from booking.models import LastVisit
from booking.services.agenda import Row, rows_of
from tenants.accounts.models import User
from tenants.trail.models import Act
from tenants.trail.services import PATIENT, actor_of

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
"""How far back somebody looks who has never said "vu"."""
MOST = 30
SCANNED = 300


@dataclass(frozen=True)
class Change:
    """The last thing that happened to one appointment, and whether the person did it."""

    verb: str
    at: datetime
    is_by_person: bool
    row: Row

    @property
    def starts(self) -> datetime:
        """When the visit starts, in the zone of its place."""
        held = self.row.appointment
        return held.starts_at.astimezone(ZoneInfo(held.location.time_zone))


@dataclass(frozen=True)
class Changes:
    """What changed, newest first; instants of acts are those of the zone that was asked for.

    ``until`` is the act that "vu" marks, ``since`` the last time that it was said, if ever.
    """

    lines: list[Change]
    since: datetime | None
    until: int
    are_more: bool


def changes_for(
    *, user: User, practitioner_ids: Collection[int], zone: ZoneInfo, now: datetime
) -> Changes:
    """Return what others changed in these agendas since ``user`` said "vu"; one line an appointment.

    Three queries whatever there is to tell, read backwards from the end of the trail.
    """
    mark = LastVisit.objects.filter(user=user).first()
    acts = Act.objects.filter(verb__in=VERBS, id__gt=mark.act_id if mark else 0).order_by("-id")
    scanned = list(acts[:SCANNED])
    newest: dict[UUID, Act] = {}
    for act in scanned:
        is_recent = mark is not None or act.at >= now - FIRST_TIME
        if is_recent and act.actor != actor_of(user.pk):
            newest.setdefault(act.ref, act)
    refs = list(newest)[:MOST]
    rows = {
        row.appointment.ref: row for row in rows_of(refs=refs, practitioner_ids=practitioner_ids)
    }
    acts_of_rows = [newest[ref] for ref in refs if ref in rows]
    return Changes(
        lines=[
            Change(act.verb, act.at.astimezone(zone), act.actor == PATIENT, rows[act.ref])
            for act in acts_of_rows
        ],
        since=mark.seen_at.astimezone(zone) if mark else None,
        until=scanned[0].id if scanned else 0,
        are_more=len(newest) > MOST or len(scanned) == SCANNED,
    )


def note_seen(*, user: User, act_id: int, now: datetime) -> None:
    """Remember that ``user`` has read up to ``act_id``; never backwards, never beyond the last act.

    No act of its own: the trail says what was done to an agenda, not how its members read.
    """
    last = Act.objects.aggregate(last=Max("id"))["last"] or 0
    until = min(act_id, last)
    mark, is_new = LastVisit.objects.get_or_create(
        user=user, defaults={"act_id": until, "seen_at": now}
    )
    if not is_new and until > mark.act_id:
        mark.act_id, mark.seen_at = until, now
        mark.save(update_fields=["act_id", "seen_at"])
