"""Actors of the practitioners' calendars and of late bounces, and the functions with which pages enqueue them."""

import uuid
from collections.abc import Sequence

from django.utils import timezone

from booking.google import polls, sync_health
from booking.models import GoogleAccount
from booking.notifications import bounces
from tenants import cross_schema, rate_counters
from tenants.broker import actor, tenant_actor
from tenants.routing import served_units
from tenants.schema import Unit, current_schema, enqueue_on_commit, inside

STALE_EVERY_SECONDS = 60
"""Minimum interval between two polls of one account that pages enqueue because of stale busy times."""


@tenant_actor(queue_name="slow", max_retries=0)
def poll(unit: Unit, ref: str) -> None:
    """Poll one account: read its calendar, push its waiting events, renew its push channels."""
    with inside(unit):
        accounts = GoogleAccount.objects.filter(ref=uuid.UUID(hex=ref))
        account_id = accounts.values_list("pk", flat=True).first()
    if account_id is not None:
        polls.poll(unit=unit, account_id=account_id, clock=timezone.now)


def enqueue_poll(ref: uuid.UUID) -> None:
    """Enqueue the poll of one account of the current unit after the commit."""
    enqueue_on_commit(poll.send, current_schema(), ref.hex)


def enqueue_stale_polls(refs: Sequence[uuid.UUID]) -> None:
    """Enqueue polls of accounts of the current unit after the commit, each once in ``STALE_EVERY_SECONDS``.

    No row is written. Without the rate counters no poll is enqueued; the periodic task ``poll_all`` then polls.
    """
    if refs:
        enqueue_on_commit(_send_stale_polls, current_schema(), refs)


def _send_stale_polls(schema: str, refs: Sequence[uuid.UUID]) -> None:
    keys = {f"poll|{schema}|{ref.hex}": ref for ref in refs}
    try:
        counted = rate_counters.count(dict.fromkeys(keys, STALE_EVERY_SECONDS))
    except rate_counters.Unavailable:
        return
    for key, ref in keys.items():
        if counted[key] == 1:
            poll.send(schema, ref.hex)


_DUE_FOR_POLL = """
SELECT ref FROM {schema}.booking_googleaccount WHERE state = 'connected' AND poll_at <= %s
"""


@actor(queue_name="sweep", max_retries=0)
def poll_all() -> None:
    """Enqueue the polls of the due accounts of every schema; reads refs only."""
    now = timezone.now()
    for unit, (ref,) in cross_schema.read(served_units(), _DUE_FOR_POLL, [now]).rows:
        poll.send(unit.schema, ref.hex)


@actor(queue_name="sweep", max_retries=0)
def collect_bounces() -> None:
    """Record the mails that the provider could not deliver after all."""
    bounces.collect(now=timezone.now())


@actor(queue_name="sweep", max_retries=0)
def watch_calendars() -> None:
    """Enqueue alerts about accounts with a fault, to lib-rdv's staff and to practitioners."""
    sync_health.raise_alert(now=timezone.now())
