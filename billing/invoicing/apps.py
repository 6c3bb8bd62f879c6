"""App configuration of invoicing."""

from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    """Drafts, the ledger of issued documents, payments: in ``public`` only."""

    name = "billing.invoicing"
    label = "invoicing"

    def ready(self) -> None:
        """Register the outbox handler, and what the owner's page of a practice reads."""
        from billing.invoicing import handlers
        from billing.invoicing.practice_page import PracticeContract
        from booking.practice.subscription import register_source

        handlers.register_all()
        register_source(PracticeContract())
