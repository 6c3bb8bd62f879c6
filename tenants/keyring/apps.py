from django.apps import AppConfig
from django.core import checks


class KeyringConfig(AppConfig):
    name = "tenants.keyring"
    label = "keyring"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Clés"

    def ready(self) -> None:
        from tenants.keyring.checks import check_keks

        checks.register(check_keks, checks.Tags.security)
