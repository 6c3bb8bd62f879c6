"""Run a management command inside one tenant's unit of work."""

import argparse
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from tenants.models import Domain
from tenants.schema import PUBLIC, ROUTER, Unit, inside, tenant_unit


class Command(BaseCommand):
    """``manage.py inside <host name | schema | public> <command> [arguments]``: one transaction, one role."""

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Take the place, then a command with whatever it takes."""
        parser.add_argument("place", help="a host name, a schema name, or public")
        parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="command")

    def handle(self, *args: Any, **options: Any) -> None:
        """Enter the unit and call the command there."""
        if not options["rest"]:
            raise CommandError("name the command to run")
        with inside(_unit_of(options["place"])):
            call_command(*options["rest"])


def _unit_of(place: str) -> Unit:
    if place == PUBLIC.schema:
        return PUBLIC
    if "." not in place:
        try:
            return tenant_unit(place)
        except ValueError:
            raise CommandError(f"{place} is not a schema of a tenant") from None
    with inside(ROUTER):
        schema = (
            Domain.objects.filter(domain=place.lower())
            .values_list("tenant__schema_name", flat=True)
            .first()
        )
    if schema is None:
        raise CommandError(f"nobody answers to {place}")
    return tenant_unit(schema)
