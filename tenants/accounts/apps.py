"""App configuration of the accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who signs in, in which role, and how they were invited."""

    name = "tenants.accounts"
    label = "accounts"
    verbose_name = "Comptes"

    def ready(self) -> None:
        """Make this app responsible for its own messages."""
        from tenants.accounts.delivery import register_all

        register_all()
