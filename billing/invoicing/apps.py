"""App configuration of invoicing."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicingConfig(AppConfig):
    """Drafts, the ledger of issued documents, payments: in ``public`` only."""

    name = "billing.invoicing"
    label = "invoicing"

    def ready(self) -> None:
        """Register the outbox handlers, the staff pages, and what the owner's page of a practice reads."""
        from billing.invoicing import handlers
        from billing.invoicing.assembly import read_seller
        from billing.invoicing.practice_page import PracticeContract
        from billing.orders.seller import register_seller
        from booking.practice.subscription import register_source

        handlers.register_all()
        register_source(PracticeContract())
        register_seller(read_seller)
        _register_staff_pages()


def _register_staff_pages() -> None:
    from billing.clients.tabs import register_tab
    from billing.invoicing import desk
    from tenants.desk.navigation import NavigationEntry, register_navigation
    from tenants.desk.overview import register_tiles
    from tenants.desk.search import register_search

    register_navigation(NavigationEntry("invoices", _("Factures"), "invoicing:list", order=40))
    register_tiles(desk.TILES)
    register_tab(desk.CLIENT_TAB)
    register_search(desk.SEARCH)
