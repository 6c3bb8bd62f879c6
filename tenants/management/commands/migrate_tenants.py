"""Migrate every tenant schema to the version of the running code."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from tenants.models import Tenant
from tenants.provisioning.build import restrict
from tenants.provisioning.template import CURRENT_VERSION


class Command(BaseCommand):
    """Migrates the outdated tenants one after the other; resumable. Needs the owner's login.

    An outdated tenant is not served before its migration.
    """

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate each outdated tenant, restrict its rights and store the version."""
        outdated = Tenant.objects.filter(state__in=Tenant.SERVED).exclude(
            schema_version=CURRENT_VERSION
        )
        for tenant in outdated.order_by("id"):
            call_command(
                "migrate_schemas", schema_name=tenant.schema_name, interactive=False, verbosity=0
            )
            with transaction.atomic(), connection.cursor() as cursor:
                restrict(cursor.cursor, schema=tenant.schema_name)
                Tenant.objects.filter(pk=tenant.pk).update(schema_version=CURRENT_VERSION)
            self.stdout.write(f"Migrated {tenant.schema_name}.")
