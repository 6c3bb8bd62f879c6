"""App configuration of the frame of the staff pages."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    """The frame has pages and registries, and no table."""

    name = "tenants.desk"
    label = "desk"

    def ready(self) -> None:
        """Register the navigation entries of the frame's own pages."""
        from tenants.desk.navigation import NavigationEntry, register_navigation

        register_navigation(NavigationEntry("overview", _("Veille"), "desk:overview", order=10))
        register_navigation(NavigationEntry("search", _("Recherche"), "desk:search", order=900))
