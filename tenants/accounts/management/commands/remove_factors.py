"""Remove the lost second factors of a member, whose identity somebody has checked (docs/running.md, section 9)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.accounts.services.second_factors import remove_lost_factors


class Command(BaseCommand):
    """``manage.py inside <host name> remove_factors <email>``: the account then opens by password alone."""

    help = "Remove the lost second factors of an account of a practice."

    def add_arguments(self, parser: Any) -> None:
        """Add the address of the account."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove them inside the caller's unit. Raises CommandError without such an account."""
        if not remove_lost_factors(email=options["email"], now=timezone.now()):
            raise CommandError("No open account with a second factor has this address here.")
        self.stdout.write("Removed. Its sessions are closed, and a message goes to the address.")
