"""App configuration of the accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, memberships, invitations, sessions and second factors, in every schema."""

    name = "tenants.accounts"
    label = "accounts"
    verbose_name = "Comptes"

    def ready(self) -> None:
        """Register the outbox handlers of the accounts' e-mails."""
        from tenants.accounts.emails import register_all

        register_all()
