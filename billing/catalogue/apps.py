"""App configuration of the catalogue."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogueConfig(AppConfig):
    """Products and their prices, in ``public`` only, and their staff pages."""

    name = "billing.catalogue"
    label = "catalogue"

    def ready(self) -> None:
        """Register the navigation entry of the staff pages."""
        from tenants.desk.navigation import NavigationEntry, register_navigation

        register_navigation(
            NavigationEntry("catalogue", _("Catalogue"), "catalogue:list", order=60)
        )
