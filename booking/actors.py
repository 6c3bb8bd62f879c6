"""What the clock and the pages ask of the workers for the calendars of practitioners."""

import uuid

from django.db import connection
from django.utils import timezone

from booking.models import GoogleAccount
from booking.services.google import lights, polling
from tenants.broker import actor, tenant_actor
from tenants.outbox.sweep import chunks
from tenants.routing import served_units
from tenants.schema import SWEEPER, Unit, inside


@tenant_actor(queue_name="slow", max_retries=0)
def poll(unit: Unit, ref: str) -> None:
    """Look after one account: write what waits, read its calendar, keep its channels open."""
    with inside(unit):
        found = GoogleAccount.objects.filter(ref=uuid.UUID(hex=ref)).values_list("pk", flat=True)
        account_id = found.first()
    if account_id is not None:
        polling.poll(unit=unit, account_id=account_id, clock=timezone.now)


@actor(queue_name="sweep", max_retries=0)
def poll_all() -> None:
    """Enqueue the accounts of every schema that are due: ids and instants only."""
    now = timezone.now()
    for group in chunks(served_units()):
        # Schema names come from Unit, which refuses anything but [a-z0-9_]; values are bound.
        parts = [
            f"SELECT '{unit.schema}', ref FROM \"{unit.schema}\".booking_googleaccount"  # noqa: S608
            " WHERE state = 'connected' AND poll_at <= %s"
            for unit in group
        ]
        with inside(SWEEPER), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), [now] * len(group))
            due = cursor.fetchall()
        for schema, ref in due:
            poll.send(schema, ref.hex)


@actor(queue_name="sweep", max_retries=0)
def watch_calendars() -> None:
    """Tell lib-rdv's staff of accounts that are stuck."""
    lights.raise_alert(now=timezone.now())
