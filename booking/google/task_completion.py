"""Tasks that the practitioner completes by hand: a phone call, the deletion of an event (B-28, B-34)."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from booking.calendar_sync import calendar_entries
from booking.models import CalendarTask
from tenants.audit import services as audit

_VERBS = {
    CalendarTask.TaskKind.CALL: "calendar.notified",
    CalendarTask.TaskKind.ERASE: "calendar.erased_by_hand",
}
KEPT = "calendar.kept"


def with_appointment() -> QuerySet[CalendarTask]:
    """Return the tasks with the practitioner and the location of their appointments."""
    return CalendarTask.objects.select_related("appointment__practitioner", "appointment__location")


def open_tasks(*, practitioner_ids: Collection[int]) -> list[CalendarTask]:
    """Return the open tasks of these agendas, by the time of the appointment, in one query."""
    tasks = with_appointment().filter(
        appointment__practitioner__in=practitioner_ids, completed_at__isnull=True
    )
    return list(tasks.order_by("appointment__starts_at", "id"))


def complete(*, task: CalendarTask, actor: str, now: datetime, is_kept: bool = False) -> bool:
    """Complete a task; False when it was complete before. After a call the event is deleted from the calendar.

    ``is_kept``: the practitioner decides to keep the event that an erasure left (B-34); the audit trail records
    this decision with a verb of its own.
    """
    kind = CalendarTask.TaskKind(task.kind)
    locked_tasks = CalendarTask.objects.select_for_update(of=("self",))
    if not locked_tasks.filter(pk=task.pk, completed_at__isnull=True).exists():
        return False
    if kind is CalendarTask.TaskKind.CALL:
        calendar_entries.release_event(appointment=task.appointment, now=now)
    else:
        calendar_entries.complete_task(appointment_id=task.appointment_id, kind=kind, now=now)
    verb = KEPT if is_kept and kind is CalendarTask.TaskKind.ERASE else _VERBS[kind]
    audit.record(verb=verb, ref=task.appointment.ref, actor=actor, now=now)
    return True
