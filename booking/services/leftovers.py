"""What outlives its use without naming anybody: links, holds, rows of long past appointments."""

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from booking.models import Appointment, DailyCount

BARE_ROW_DAYS = timedelta(days=30)
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
    """Count and delete appointments that ended 30 days ago; none that still has a contact."""
    past = Appointment.objects.filter(
        ends_at__lte=now - BARE_ROW_DAYS, contact__isnull=True
    ).exclude(status=Appointment.Status.HELD)
    rows = list(
        past.select_related("location").select_for_update(of=("self",), skip_locked=True)[:limit]
    )
    for (on, practitioner, motif, status), count in sorted(Counter(map(_cell, rows)).items()):
        _add(on=on, practitioner_id=practitioner, type_id=motif, status=status, count=count)
    Appointment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _some(rows: QuerySet[Appointment], limit: int) -> QuerySet[Appointment]:
    # Ids first: rows that another process works on are left to the next sweep.
    keys = rows.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
    return Appointment.objects.filter(pk__in=list(keys[:limit]))


def _cell(row: Appointment) -> tuple[date, int, int, str]:
    zone = ZoneInfo(row.location.time_zone)
    return (
        row.starts_at.astimezone(zone).date(),
        row.practitioner_id,
        row.appointment_type_id,
        row.status,
    )


def _add(*, on: date, practitioner_id: int, type_id: int, status: str, count: int) -> None:
    cell = {
        "on": on,
        "practitioner_id": practitioner_id,
        "appointment_type_id": type_id,
        "status": status,
    }
    if not DailyCount.objects.filter(**cell).update(count=F("count") + count):
        DailyCount.objects.create(**cell, count=count)
