"""What only the practitioner can do, and has done: a call, an event effaced by hand (B-28, B-34)."""

from collections.abc import Collection
from datetime import datetime

from booking.models import CalendarTask
from booking.services import calendar_entries
from tenants.trail import services as trail

_VERBS = {
    CalendarTask.Kind.CALL: "calendar.told",
    CalendarTask.Kind.ERASE: "calendar.cleaned",
}
KEPT = "calendar.kept"


def open_tasks(*, practitioner_ids: Collection[int]) -> list[CalendarTask]:
    """Return what is left to do in these agendas, by the time of the appointment, in one query."""
    tasks = CalendarTask.objects.select_related(
        "appointment__practitioner", "appointment__location"
    ).filter(appointment__practitioner__in=practitioner_ids, done_at__isnull=True)
    return list(tasks.order_by("appointment__starts_at", "id"))


def tick(*, task: CalendarTask, actor: str, now: datetime, is_kept: bool = False) -> bool:
    """Note that a task is done, once; False when it was. After a call the event leaves the calendar.

    ``is_kept``: the practitioner keeps the event that an erasure left. It is theirs to decide (B-34), and
    the trail says so.
    """
    kind = CalendarTask.Kind(task.kind)
    waiting = CalendarTask.objects.select_for_update(of=("self",))
    if not waiting.filter(pk=task.pk, done_at__isnull=True).exists():
        return False
    if kind is CalendarTask.Kind.CALL:
        calendar_entries.let_go(appointment=task.appointment, now=now)
    else:
        calendar_entries.done(appointment_id=task.appointment_id, kind=kind, now=now)
    verb = KEPT if is_kept and kind is CalendarTask.Kind.ERASE else _VERBS[kind]
    trail.record(verb=verb, ref=task.appointment.ref, actor=actor, now=now)
    return True
