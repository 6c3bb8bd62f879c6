"""Open, close and list the accounts of lib-rdv's staff."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.accounts.models import User
from tenants.accounts.services.staff import close_account, open_account
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """Manages staff accounts without passwords: a link, valid for one hour, is sent to the address."""

    help = "Open, close or list staff accounts."

    def add_arguments(self, parser: Any) -> None:
        """Add the subcommands ``open``, ``close`` and ``list``."""
        actions = parser.add_subparsers(dest="action", required=True)
        opening = actions.add_parser("open", help="open an account and send its link")
        opening.add_argument("email")
        opening.add_argument("--name", default="")
        closing = actions.add_parser("close", help="close an account at once, sessions included")
        closing.add_argument("email")
        actions.add_parser("list", help="list the active staff accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the action inside the public unit."""
        with inside(PUBLIC):
            if options["action"] == "open":
                open_account(email=options["email"], name=options["name"], now=timezone.now())
                self.stdout.write("Opened. The link is being sent and is valid for one hour.")
            elif options["action"] == "close":
                if not close_account(email=options["email"], now=timezone.now()):
                    raise CommandError("No staff account has this address.")
                self.stdout.write("Closed.")
            else:
                for user in User.objects.filter(is_staff=True, is_active=True).order_by("email"):
                    self.stdout.write(f"{user.email}  {user.name}")
