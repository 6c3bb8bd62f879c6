"""App configuration of the accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who signs in, in which role, and how they were invited."""

    name = "tenants.accounts"
    label = "accounts"
    verbose_name = "Comptes"
