"""Create the roles of the application and revoke the rights of PUBLIC."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from tenants.provisioning.build import prepare_roles


class Command(BaseCommand):
    """Prepares a new database; idempotent. Needs the owner's login."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the roles in one transaction."""
        with transaction.atomic(), connection.cursor() as cursor:
            prepare_roles(
                cursor.cursor, app_role=settings.APP_ROLE, database=connection.settings_dict["NAME"]
            )
        self.stdout.write("Roles are ready.")
