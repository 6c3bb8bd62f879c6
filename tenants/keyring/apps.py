"""App configuration of the keyring."""

from django.apps import AppConfig
from django.core import checks


class KeyringConfig(AppConfig):
    """Tenant keys and data keys, in every schema."""

    name = "tenants.keyring"
    label = "keyring"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Clés"

    def ready(self) -> None:
        """Register the system check of the KEKs."""
        from tenants.keyring.checks import check_keks

        checks.register(check_keks, checks.Tags.security)
