"""Erase again what a restored backup brought back, by the erasure ledger."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from booking.services import contacts, waiting, waiting_contacts
from booking.services.google import accounts, leaving
from tenants import ledger
from tenants.keyring.services import ensure_tenant_key
from tenants.routing import kept_units
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Run by ``restore`` before the database opens; harmless when run again (S-27)."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk the schemas; one restored without its key gets a new one, for what comes."""
        now, erased = timezone.now(), 0
        hashes = ledger.erased_hashes()
        with inside(PUBLIC):
            ensure_tenant_key(now=now)
        for unit in kept_units():
            with inside(unit):
                ensure_tenant_key(now=now)
                known = hashes.get((unit.schema, contacts.TABLE), set())
                erased += contacts.erase_again(hashes=known, now=now)
                known = hashes.get((unit.schema, waiting_contacts.TABLE), set())
                erased += waiting.erase_again(hashes=known, now=now)
                known = hashes.get((unit.schema, accounts.TABLE), set())
                erased += leaving.forget_again(hashes=known, schema=unit.schema, now=now)
        self.stdout.write(f"{erased} erased again.")
