"""Wrap every tenant's key by the current KEK, the first in the list."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.keyring.errors import KeyringError
from tenants.keyring.services import rewrap_tenant_key
from tenants.routing import kept_units
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Rewraps schema by schema, each in its own transaction; a second run continues an interrupted one.

    The old KEK remains in the list until this command has rewrapped every key (S-16).
    """

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewrap every key; print the schemas that failed and raise CommandError."""
        rewrapped, failed = 0, []
        units = [PUBLIC, *kept_units()]
        for unit in units:
            try:
                with inside(unit):
                    rewrapped += rewrap_tenant_key()
            except KeyringError as error:
                failed.append(unit.schema)
                self.stderr.write(f"{unit.schema}: {error}")
        self.stdout.write(f"{rewrapped} of {len(units)} keys rewrapped.")
        if failed:
            raise CommandError(f"{len(failed)} keys could not be rewrapped: keep the old KEK")
