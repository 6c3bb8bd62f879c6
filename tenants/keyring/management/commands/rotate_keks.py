"""Wrap every tenant's key by the current KEK, the first of the list."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.keyring.errors import KeyringError
from tenants.keyring.services import rewrap_tenant_key
from tenants.routing import kept_units
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Each schema is a transaction of its own: stopped half-way, the next run does the rest.

    The old KEK stays in the list until this command has said that nothing is left (S-16).
    """

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewrap schema by schema; name those that could not be, and fail."""
        rewrapped, failed = 0, []
        units = [PUBLIC, *kept_units()]
        for unit in units:
            try:
                with inside(unit):
                    rewrapped += rewrap_tenant_key()
            except KeyringError as error:
                failed.append(unit.schema)
                self.stderr.write(f"{unit.schema}: {error}")
        self.stdout.write(f"{rewrapped} of {len(units)} keys wrapped anew.")
        if failed:
            raise CommandError(f"{len(failed)} keys could not be wrapped anew: keep the old KEK")
