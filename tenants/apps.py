"""App configuration of the shared tenants app."""

import importlib

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Tenants, their domains, provisioning and the isolation of their schemas."""

    name = "tenants"
    verbose_name = "Clients"

    def ready(self) -> None:
        """Separate the ContentType caches and register the system checks."""
        from tenants.content_types import separate_content_types

        importlib.import_module("tenants.checks")
        separate_content_types()
