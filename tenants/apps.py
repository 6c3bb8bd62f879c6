"""App configuration of the shared tenants app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Tenants, their domains and the walls between them."""

    name = "tenants"
    verbose_name = "Clients"

    def ready(self) -> None:
        """Separate the ContentType caches and register the system checks."""
        from tenants import checks  # noqa: F401  # registers itself
        from tenants.content_types import separate_content_types

        separate_content_types()
