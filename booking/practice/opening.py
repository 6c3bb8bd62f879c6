"""A practice asks to be put online: the checks of G-10 decide, without anybody of lib-rdv."""

from datetime import datetime, timedelta

from django.db.models import Q

from booking.models import Practice
from booking.rules import kinds
from tenants.audit import services as audit
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write

SPREADING = timedelta(seconds=4)
"""Longer than a process remembers the state of a site (``tenants.routing``)."""


def request_opening(*, practice: Practice, actor: str, now: datetime) -> None:
    """Ask a worker to run the go-live checks and to open the site when all are met; twice in a minute is once."""
    minute = str(int(now.timestamp()) // 60)
    write(due=[Due(kinds.OPENING, subject_of(practice), NO_PAYLOAD, now, repeat=minute)], now=now)
    audit.record(verb="practice.opening_requested", ref=practice.ref, actor=actor, now=now)


def is_opening(*, now: datetime) -> bool:
    """Return whether a request waits for its worker, or its result has not reached all processes yet."""
    waits = Q(state=OutboxEntry.EntryState.PENDING) | Q(finished_at__gt=now - SPREADING)
    return OutboxEntry.objects.filter(waits, kind=kinds.OPENING).exists()
