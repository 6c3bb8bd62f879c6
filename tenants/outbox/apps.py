"""App configuration of the outbox."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Work to be done outside the transaction that decided it."""

    name = "tenants.outbox"
    label = "outbox"
