"""Open, close and list the accounts of lib-rdv's own people."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.accounts.models import User
from tenants.accounts.services.staff import close_account, open_account
from tenants.schema import PUBLIC, inside


class Command(BaseCommand):
    """No password is typed or printed: a link goes to the address, for one hour."""

    help = "Open, close or list staff accounts."

    def add_arguments(self, parser: Any) -> None:
        """One act a call."""
        acts = parser.add_subparsers(dest="act", required=True)
        opening = acts.add_parser("open", help="open an account and send its link")
        opening.add_argument("email")
        opening.add_argument("--name", default="")
        closing = acts.add_parser("close", help="close an account at once, sessions included")
        closing.add_argument("email")
        acts.add_parser("list", help="list who may enter the desk")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work inside the public schema."""
        with inside(PUBLIC):
            if options["act"] == "open":
                open_account(email=options["email"], name=options["name"], now=timezone.now())
                self.stdout.write("Opened. The link is on its way and lives one hour.")
            elif options["act"] == "close":
                if not close_account(email=options["email"], now=timezone.now()):
                    raise CommandError("No staff account has this address.")
                self.stdout.write("Closed.")
            else:
                for user in User.objects.filter(is_staff=True, is_active=True).order_by("email"):
                    self.stdout.write(f"{user.email}  {user.name}")
