"""Telephoning somebody whom no message reached."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from booking.models import Appointment
from tenants.trail import services as trail
from tenants.trail.models import Act

CALLED = "appointment.called"
UNCALLED = "appointment.uncalled"


def note_called(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Note that the person was called, so that nobody calls a second time."""
    trail.record(verb=CALLED, ref=appointment.ref, actor=actor, now=now)


def take_back_call(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Take the note back: the person is to be called after all."""
    trail.record(verb=UNCALLED, ref=appointment.ref, actor=actor, now=now)


def called_at(refs: Collection[UUID]) -> dict[UUID, datetime]:
    """Return when the persons of these appointments were last called, one query; none when taken back."""
    acts = Act.objects.filter(ref__in=refs, verb__in=(CALLED, UNCALLED)).order_by("id")
    last = {act.ref: act for act in acts}
    return {ref: act.at for ref, act in last.items() if act.verb == CALLED}
