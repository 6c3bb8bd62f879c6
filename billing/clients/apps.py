"""App configuration of clients."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClientsConfig(AppConfig):
    """Clients have services, staff pages and actors; their tables are in ``public`` only."""

    name = "billing.clients"
    label = "clients"

    def ready(self) -> None:
        """Register the outbox handlers, what clients add to the staff pages, and the identity of practices."""
        from billing.clients import handlers
        from billing.clients.practice_queries import own_identity
        from booking.practice.legal_identity import register_identity_source

        handlers.register_all()
        register_identity_source(own_identity)
        _register_staff_pages()


def _register_staff_pages() -> None:
    from billing.clients import overview, search, sections
    from billing.clients.files import history_tab, identity_tab
    from billing.clients.tabs import register_tab
    from tenants.desk.client_sheet import register_section
    from tenants.desk.navigation import NavigationEntry, register_navigation
    from tenants.desk.overview import register_list, register_tiles
    from tenants.desk.search import register_search

    register_navigation(NavigationEntry("clients", _("Clients"), "clients:list", order=20))
    register_navigation(NavigationEntry("files", _("Dossiers"), "clients:files", order=22))
    for tab in (identity_tab.TAB, history_tab.TAB):
        register_tab(tab)
    for group in overview.TILE_GROUPS:
        register_tiles(group)
    for overview_list in overview.LISTS:
        register_list(overview_list)
    for provider in search.PROVIDERS:
        register_search(provider)
    for section in sections.SECTIONS:
        register_section(section)
