"""App configuration of the desk."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """lib-rdv's own desk: it has pages, services and actors, and no table."""

    name = "compliance.desk"
    label = "desk"

    def ready(self) -> None:
        """Make the desk responsible for the work it asks of the outbox."""
        from compliance.desk import delivery
        from tenants.outbox.delivery import register

        register(delivery.SETTLE, delivery.Settle())
        register(delivery.CHECK, delivery.CheckReadiness())
        register(delivery.INVITE, delivery.InviteOwner())
        register(delivery.SUSPENDED, delivery.StateLetter("desk_suspended", "suspended"))
        register(delivery.RESUMED, delivery.StateLetter("desk_resumed", "live"))
