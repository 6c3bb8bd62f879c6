"""What the clock and the pages ask of the workers for the calendars of practitioners."""

import uuid

from django.utils import timezone

from booking.models import GoogleAccount
from booking.services.google import lights, polling
from tenants import across
from tenants.broker import actor, tenant_actor
from tenants.routing import served_units
from tenants.schema import Unit, inside


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
    for unit, (ref,) in across.read(served_units(), _due_to_be_read, [now]).rows:
        poll.send(unit.schema, ref.hex)


def _due_to_be_read(unit: Unit) -> str:
    return (
        f'SELECT ref FROM "{unit.schema}".booking_googleaccount'  # noqa: S608
        " WHERE state = 'connected' AND poll_at <= %s"
    )


@actor(queue_name="sweep", max_retries=0)
def watch_calendars() -> None:
    """Tell lib-rdv's staff of accounts that are stuck."""
    lights.raise_alert(now=timezone.now())
