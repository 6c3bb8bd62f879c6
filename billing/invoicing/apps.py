"""App configuration of invoicing."""

from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    """Drafts, the ledger of issued documents, payments: in ``public`` only."""

    name = "billing.invoicing"
    label = "invoicing"

    def ready(self) -> None:
        """Register the outbox handler."""
        from billing.invoicing import handlers

        handlers.register_all()
