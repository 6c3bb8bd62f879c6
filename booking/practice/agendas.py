"""What becomes of an agenda: closed to new bookings, reopened, ordered, or its visits handed to a colleague."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from booking.appointments.move import move, notify_receiver
from booking.models import Appointment, Practitioner
from booking.practice import ordered_rows
from booking.rules.errors import BookingError
from booking.scheduling import catalogue
from booking.scheduling.locks import lock_practitioners
from booking.scheduling.slots import ResolvedSlot
from tenants.accounts.models import User
from tenants.audit import services as audit


@dataclass(frozen=True)
class Handover:
    """The visits that a colleague took over, and those that stay: the colleague is busy, or gives another type."""

    moved: int
    left: int


def agendas_with_visits(*, now: datetime) -> QuerySet[Practitioner]:
    """Return every agenda with its account and ``visits``, the number to come; the closed ones last."""
    to_come = Q(appointments__status=Appointment.Status.BOOKED, appointments__starts_at__gte=now)
    return (
        Practitioner.objects.select_related("user")
        .annotate(visits=Count("appointments", filter=to_come))
        .order_by("-is_active", "position", "id")
    )


def visits_to_come(practitioner: Practitioner, *, now: datetime) -> QuerySet[Appointment]:
    """Return the booked visits of an agenda from ``now`` on, in order."""
    return (
        Appointment.objects.filter(
            practitioner=practitioner, status=Appointment.Status.BOOKED, starts_at__gte=now
        )
        .select_related("practitioner", "location", "appointment_type")
        .order_by("starts_at", "id")
    )


def colleagues_of(practitioner: Practitioner) -> QuerySet[Practitioner]:
    """Return the other open agendas."""
    return catalogue.active_practitioners().exclude(pk=practitioner.pk)


def agenda_of(user: User) -> Practitioner | None:
    """Return the open agenda that is assigned to an account, or None."""
    return catalogue.active_practitioners().filter(user=user).first()


def choose_received_message(
    *, practitioner: Practitioner, is_wanted: bool, actor: str, now: datetime
) -> None:
    """Store whether a mail tells of the visits that a colleague moves to this agenda."""
    if practitioner.notifies_received == is_wanted:
        return
    practitioner.notifies_received = is_wanted
    practitioner.save(update_fields=["notifies_received"])
    verb = "received_message.wanted" if is_wanted else "received_message.stopped"
    audit.record(verb=verb, ref=practitioner.ref, actor=actor, now=now)


def set_open(*, practitioner: Practitioner, is_open: bool, actor: str, now: datetime) -> None:
    """Close an agenda to new bookings, or open it again; its visits stay, and staff still see and change them."""
    lock_practitioners([practitioner.pk])
    ordered_rows.set_active(row=practitioner, is_active=is_open, actor=actor, now=now)


def hand_over(
    *, practitioner: Practitioner, colleague: Practitioner, actor: str, now: datetime
) -> Handover:
    """Close an agenda and move its visits to a colleague, each at its hour; persons and colleague are notified.

    A visit stays where it is when the colleague is busy then or does not give its type.
    """
    set_open(practitioner=practitioner, is_open=False, actor=actor, now=now)
    given = set(colleague.appointment_types.values_list("pk", flat=True))
    moved: list[Appointment] = []
    left = 0
    for visit in list(visits_to_come(practitioner, now=now)):
        slot = ResolvedSlot(colleague, visit.location, visit.appointment_type, visit.starts_at)
        try:
            if visit.appointment_type_id not in given:
                raise NotGiven
            with transaction.atomic():
                received = move(
                    appointment=visit,
                    selection=slot.selection,
                    by_patient=False,
                    actor=actor,
                    sequence=visit.sequence,
                    notifies_receiver=False,
                    now=now,
                )
        except BookingError:
            left += 1
        else:
            moved.append(received)
    notify_receiver(practitioner=colleague, visits=moved, actor=actor, now=now)
    return Handover(len(moved), left)


class NotGiven(BookingError):  # named after what happened
    """The colleague does not receive for this appointment type."""
