"""Run a management command inside one tenant's unit of work."""

import argparse
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from tenants.models import Domain
from tenants.schema import PUBLIC, ROUTER, Unit, WrongUnitError, inside, tenant_unit


class Command(BaseCommand):
    """``manage.py inside <host name | schema | public> <command> [arguments]``: one transaction, one role."""

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add the target, then the command with its own arguments."""
        parser.add_argument("target", help="a host name, a schema name, or public")
        parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="command")

    def handle(self, *args: Any, **options: Any) -> None:
        """Call the command inside the unit of the target. Raises CommandError for an unknown target."""
        if not options["rest"]:
            raise CommandError("name the command to run")
        try:
            with inside(_unit_of(options["target"])):
                call_command(*options["rest"])
        except WrongUnitError:
            raise CommandError(
                f"{options['rest'][0]} enters every tenant by itself: run it without inside"
            ) from None


def _unit_of(target: str) -> Unit:
    if target == PUBLIC.schema:
        return PUBLIC
    if "." not in target:
        try:
            return tenant_unit(target)
        except ValueError:
            raise CommandError(f"{target} is not a schema of a tenant") from None
    with inside(ROUTER):
        schema = (
            Domain.objects.filter(domain=target.lower())
            .values_list("tenant__schema_name", flat=True)
            .first()
        )
    if schema is None:
        raise CommandError(f"no tenant has the host name {target}")
    return tenant_unit(schema)
