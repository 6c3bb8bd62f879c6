"""App configuration of the outbox."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Work that a transaction decides and a worker does after its commit."""

    name = "tenants.outbox"
    label = "outbox"
