"""Deletion of the event of an erased person in Google Calendar, on a click of the practitioner (B-34).

The practitioner alone decides on their own calendar, and the audit trail records the decision. When lib-rdv has no
access to the event, the task that the erasure created remains for the practitioner.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from enum import Enum

from booking.calendar_sync import calendar_entries
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, PatientContact
from booking.rules.erasure import EventCleanup, Level
from tenants.audit import services as audit

_NOT_THERE = (CalendarEntry.EventState.GONE, CalendarEntry.EventState.DELETED)


class DeletionOption(Enum):
    """How lib-rdv can delete an event that names a person."""

    NOW = "now"
    AFTER = "after"
    """After the visit: until then only the event names the person."""
    ASKED = "asked"
    """The deletion is already requested."""


def deletion_options(
    *, appointments: Collection[Appointment], now: datetime
) -> dict[int, DeletionOption]:
    """Return the deletion options by the key of the appointment; one query, and none without appointments.

    An appointment has no option when lib-rdv has no access to one of its events, or when an event is kept until
    its person is notified.
    """
    entries_by_appointment = defaultdict(list)
    if appointments:
        for entry in _entries_with_person([appointment.pk for appointment in appointments]):
            entries_by_appointment[entry.appointment_id].append(entry)
    options_by_appointment = {
        key: {_option(entry, now=now) for entry in entries}
        for key, entries in entries_by_appointment.items()
    }
    return {
        key: option
        for key, options in options_by_appointment.items()
        if len(options) == 1
        for option in options
        if option
    }


def deletion_option_of(*, appointment: Appointment, now: datetime) -> DeletionOption | None:
    """Return the deletion option of an appointment whose person is erased or has asked for the erasure."""
    option = deletion_options(appointments=[appointment], now=now).get(appointment.pk)
    if option is None or _is_erasure_requested(appointment):
        return option
    # Without an erasure a task allows the immediate deletion only: the event of a coming visit must stay.
    return option if option is not DeletionOption.AFTER and _has_task(appointment) else None


def delete_event(*, appointment: Appointment, actor: str, now: datetime) -> DeletionOption | None:
    """Request the deletion of the event, at once or after the visit; None when it cannot be requested.

    When Google refuses the deletion, the practitioner has a task.
    """
    option = deletion_option_of(appointment=appointment, now=now)
    if option not in {DeletionOption.NOW, DeletionOption.AFTER}:
        return None
    if option is DeletionOption.AFTER:
        calendar_entries.schedule_cleanup(appointment=appointment, now=now)
    for entry in _entries_with_person([appointment.pk]):
        entry.cleanup = EventCleanup.DELETE.value
        if entry.cleanup_at is None and _is_over(entry, now=now):
            entry.cleanup_at = now
        entry.save(update_fields=["cleanup", "cleanup_at"])
        if option is DeletionOption.NOW:
            calendar_entries.push_again(entry=entry, now=now)
    audit.record(verb="calendar.event_deleted", ref=appointment.ref, actor=actor, now=now)
    return option


def _entries_with_person(appointment_ids: Collection[int]) -> list[CalendarEntry]:
    entries = CalendarEntry.objects.select_related("account", "appointment").filter(
        appointment__in=appointment_ids, level__gte=Level.INITIALS
    )
    return list(entries.exclude(state__in=_NOT_THERE))


def _is_erasure_requested(appointment: Appointment) -> bool:
    """Return whether the person is erased here, or has asked for the erasure."""
    if appointment.erased_at is not None:
        return True
    contact = PatientContact.objects.filter(appointment=appointment)
    return contact.filter(erasure_requested_at__isnull=False).exists()


def _has_task(appointment: Appointment) -> bool:
    tasks = CalendarTask.objects.filter(appointment=appointment, kind=CalendarTask.TaskKind.ERASE)
    return tasks.filter(completed_at__isnull=True).exists()


def _option(entry: CalendarEntry, *, now: datetime) -> DeletionOption | None:
    account = entry.account
    if account is None or account.state != GoogleAccount.LinkState.CONNECTED or entry.is_held_back:
        return None
    is_due = _is_over(entry, now=now) or not _is_expected(entry)
    is_asked = entry.cleanup == EventCleanup.DELETE.value
    if is_asked and (entry.version > entry.pushed or not is_due):
        return DeletionOption.ASKED
    return DeletionOption.NOW if is_due else DeletionOption.AFTER


def _is_expected(entry: CalendarEntry) -> bool:
    """Return whether the appointment still belongs into the calendar of this entry."""
    appointment, account = entry.appointment, entry.account
    is_here = account is not None and account.practitioner_id == appointment.practitioner_id
    return is_here and not appointment.is_cancelled


def _is_over(entry: CalendarEntry, *, now: datetime) -> bool:
    """Return whether the visit of the event is over: the cleanup of the event then erases the person here too."""
    return _is_expected(entry) and entry.appointment.ends_at <= now
