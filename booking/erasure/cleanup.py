"""Expires rows that are no longer needed: links, slot holds, appointments of the past, outbox entries.

Each function works on a batch and returns the number of rows; rows that another process has locked are skipped.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from booking.models import Appointment, DailyCount
from booking.rules import kinds
from tenants.outbox import services as outbox


class DailyCountKey(NamedTuple):
    """The key of a DailyCount; ``on`` is the local date at the location."""

    on: date
    practitioner_id: int
    appointment_type_id: int
    status: str


@dataclass
class Sums:
    """The sums of the appointments of one DailyCount."""

    count: int = 0
    minutes: int = 0
    lead_days: int = 0

    def add(self, row: Appointment) -> None:
        """Add one appointment: its length in minutes, and the local days between booking and visit."""
        zone = ZoneInfo(row.location.time_zone)
        self.count += 1
        self.minutes += row.minutes
        if row.booked_at is not None:
            booked_on = row.booked_at.astimezone(zone).date()
            self.lead_days += max(0, (row.starts_at.astimezone(zone).date() - booked_on).days)


BARE_ROW_DAYS = timedelta(days=30)
LEDGER_DAYS = timedelta(days=400)
"""The life of outbox entries without an appointment: a year of digests and alerts, and a month."""
BATCH = 500


def delete_links(*, now: datetime, limit: int = BATCH) -> int:
    """Clear the hashes of links to appointments that have begun (B-21)."""
    begun = Appointment.objects.filter(
        Q(manage_hash__isnull=False) | Q(short_hash__isnull=False), starts_at__lte=now
    )
    return _some(begun, limit).update(manage_hash=None, short_hash=None)


def delete_stale_holds(*, now: datetime, limit: int = BATCH) -> int:
    """Delete expired slot holds, and with them the index of their network."""
    stale = Appointment.objects.filter(status=Appointment.Status.HELD, held_until__lte=now)
    return _some(stale, limit).delete()[0]


def count_and_delete(*, now: datetime, limit: int = BATCH) -> int:
    """Delete appointments that ended 30 days ago and have no contact, after adding them to DailyCount.

    Their outbox entries are deleted, too.
    """
    past = Appointment.objects.filter(
        ends_at__lte=now - BARE_ROW_DAYS, contact__isnull=True
    ).exclude(status=Appointment.Status.HELD)
    rows = list(
        past.select_related("location").select_for_update(of=("self",), skip_locked=True)[:limit]
    )
    sums_by_key: dict[DailyCountKey, Sums] = defaultdict(Sums)
    for row in rows:
        sums_by_key[_key_of(row)].add(row)
    for key in sorted(sums_by_key):
        _add(key, sums_by_key[key])
    ids = [row.pk for row in rows]
    outbox.delete_of_subjects(subject_ids=ids, kinds=kinds.OF_AN_APPOINTMENT)
    Appointment.objects.filter(pk__in=ids).delete()
    return len(rows)


def delete_outbox_entries(*, now: datetime, limit: int = BATCH) -> int:
    """Delete outbox entries that were finished more than ``LEDGER_DAYS`` ago."""
    return outbox.delete_finished(before=now - LEDGER_DAYS, limit=limit)


def _some(rows: QuerySet[Appointment], limit: int) -> QuerySet[Appointment]:
    # Keys first, so that rows locked by another process are skipped.
    keys = rows.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
    return Appointment.objects.filter(pk__in=list(keys[:limit]))


def _key_of(row: Appointment) -> DailyCountKey:
    on = row.starts_at.astimezone(ZoneInfo(row.location.time_zone)).date()
    return DailyCountKey(on, row.practitioner_id, row.appointment_type_id, row.status)


def _add(key: DailyCountKey, sums: Sums) -> None:
    found = DailyCount.objects.filter(**key._asdict())
    more = {name: F(name) + value for name, value in vars(sums).items()}
    if not found.update(**more):
        DailyCount.objects.create(**key._asdict(), **vars(sums))
