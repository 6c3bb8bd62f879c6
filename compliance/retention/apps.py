"""App configuration of retention."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    """The sweep that erases on time, and the watchdog that says when it does not."""

    name = "compliance.retention"
    label = "retention"

    def ready(self) -> None:
        """Make the alert of overdue erasures known to the outbox."""
        from compliance.retention.alerts import OVERDUE, OverdueAlert
        from tenants.outbox import delivery

        delivery.register(OVERDUE, OverdueAlert())
