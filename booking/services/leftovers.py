"""What outlives its use without naming anybody: links, holds, rows of long past appointments, the ledger."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from booking import kinds
from booking.models import Appointment, DailyCount
from tenants.outbox import services as outbox


class Cell(NamedTuple):
    """What appointments are counted by; the local day of the place."""

    on: date
    practitioner_id: int
    appointment_type_id: int
    status: str


@dataclass
class Sums:
    """What is kept of the appointments of one cell."""

    count: int = 0
    minutes: int = 0
    lead_days: int = 0

    def add(self, row: Appointment) -> None:
        """Take one appointment in: its length, and how many local days ahead it was booked."""
        zone = ZoneInfo(row.location.time_zone)
        self.count += 1
        self.minutes += row.minutes
        if row.booked_at is not None:
            booked_on = row.booked_at.astimezone(zone).date()
            self.lead_days += max(0, (row.starts_at.astimezone(zone).date() - booked_on).days)


BARE_ROW_DAYS = timedelta(days=30)
LEDGER_DAYS = timedelta(days=400)
"""How long the ledger remembers what is no appointment's: a year of digests and alerts, and a month."""
BATCH = 500


def forget_links(*, now: datetime, limit: int = BATCH) -> int:
    """Clear the hashes of links to appointments that have begun (B-21); return how many rows."""
    begun = Appointment.objects.filter(
        Q(manage_hash__isnull=False) | Q(short_hash__isnull=False), starts_at__lte=now
    )
    return _some(begun, limit).update(manage_hash=None, short_hash=None)


def drop_stale_holds(*, now: datetime, limit: int = BATCH) -> int:
    """Delete holds whose time is over, and with them the index of their network."""
    stale = Appointment.objects.filter(status=Appointment.Status.HELD, held_until__lte=now)
    return _some(stale, limit).delete()[0]


def count_and_delete(*, now: datetime, limit: int = BATCH) -> int:
    """Count and delete appointments that ended 30 days ago; none that still has a contact.

    What the ledger says of their messages goes with them: nobody can ask about them any more.
    """
    past = Appointment.objects.filter(
        ends_at__lte=now - BARE_ROW_DAYS, contact__isnull=True
    ).exclude(status=Appointment.Status.HELD)
    rows = list(
        past.select_related("location").select_for_update(of=("self",), skip_locked=True)[:limit]
    )
    cells: dict[Cell, Sums] = defaultdict(Sums)
    for row in rows:
        cells[_cell(row)].add(row)
    for cell in sorted(cells):
        _add(cell, cells[cell])
    keys = [row.pk for row in rows]
    outbox.forget_of(object_ids=keys, kinds=kinds.OF_AN_APPOINTMENT)
    Appointment.objects.filter(pk__in=keys).delete()
    return len(rows)


def forget_entries(*, now: datetime, limit: int = BATCH) -> int:
    """Delete what the ledger still says of work that ended long ago; return how many rows."""
    return outbox.forget_finished(before=now - LEDGER_DAYS, limit=limit)


def _some(rows: QuerySet[Appointment], limit: int) -> QuerySet[Appointment]:
    # Ids first: rows that another process works on are left to the next sweep.
    keys = rows.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
    return Appointment.objects.filter(pk__in=list(keys[:limit]))


def _cell(row: Appointment) -> Cell:
    on = row.starts_at.astimezone(ZoneInfo(row.location.time_zone)).date()
    return Cell(on, row.practitioner_id, row.appointment_type_id, row.status)


def _add(cell: Cell, sums: Sums) -> None:
    found = DailyCount.objects.filter(**cell._asdict())
    more = {name: F(name) + value for name, value in vars(sums).items()}
    if not found.update(**more):
        DailyCount.objects.create(**cell._asdict(), **vars(sums))
