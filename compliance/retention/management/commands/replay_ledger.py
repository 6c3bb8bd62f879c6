"""Replay the erasure ledger: erase the persons that a restored backup contains again (S-27)."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from booking.google import accounts, disconnection
from booking.patients import contacts
from booking.waiting_list import waiting_contacts, waiting_entries
from tenants import erasure_ledger
from tenants.audit.verification import record_new_key
from tenants.keyring.errors import KeyringError
from tenants.keyring.services import ensure_tenant_key, has_tenant_key, tenant_cipher
from tenants.routing import kept_units
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Called by ``restore`` before the application may connect; idempotent."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay each schema; create a new key for a schema that was restored without one."""
        now, erased = timezone.now(), 0
        hashes = erasure_ledger.erased_hashes()
        with inside(PUBLIC):
            _ensure_key(now=now)
        for unit in kept_units():
            with inside(unit):
                _ensure_key(now=now)
                known = hashes.get((unit.schema, contacts.TABLE), set())
                erased += contacts.erase_again(hashes=known, now=now)
                known = hashes.get((unit.schema, waiting_contacts.TABLE), set())
                erased += waiting_entries.erase_again(hashes=known, now=now)
                known = hashes.get((unit.schema, accounts.TABLE), set())
                erased += disconnection.delete_restored_accounts(
                    hashes=known, schema=unit.schema, now=now
                )
        self.stdout.write(f"{erased} erased again.")


def _ensure_key(*, now: datetime) -> None:
    """Create the schema's key when it was restored without one; its chains then continue under the new key.

    A key that no KEK of this process opens is found here, not by the first patient.
    """
    if not has_tenant_key():
        record_new_key(now=now)
        ensure_tenant_key(now=now)
    try:
        tenant_cipher()
    except KeyringError as error:
        raise CommandError(f"a key does not open: {error}") from None
