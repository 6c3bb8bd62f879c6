"""Jobs of accounts: delete expired sign-in data in every schema, once an hour."""

from django.utils import timezone

from tenants.accounts.services.cleanup import DELETIONS
from tenants.broker import actor, tenant_actor
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside

BATCH = 500


@tenant_actor(queue_name="sweep", max_retries=0)
def delete_expired(unit: Unit) -> None:
    """Delete the expired rows of one schema in batches of 500, each in its own transaction."""
    for delete in DELETIONS:
        while True:
            with inside(unit):
                count = delete(now=timezone.now(), limit=BATCH)
            if count < BATCH:
                break


@actor(queue_name="sweep", max_retries=0)
def delete_all_expired() -> None:
    """Enqueue ``delete_expired`` for every schema, ``public`` included."""
    for unit in [PUBLIC, *served_units()]:
        delete_expired.send(unit.schema)
