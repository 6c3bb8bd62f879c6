"""App configuration of retention."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    """Erases persons on time and alerts the staff about overdue erasures."""

    name = "compliance.retention"
    label = "retention"

    def ready(self) -> None:
        """Register the outbox handler of the alert."""
        from compliance.retention.alerts import OVERDUE, OverdueAlert
        from tenants.outbox import delivery

        delivery.register(OVERDUE, OverdueAlert())
