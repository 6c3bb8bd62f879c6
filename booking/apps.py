"""App configuration of booking."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Appointments of one practice, in its own schema."""

    name = "booking"
    verbose_name = "Rendez-vous"

    def ready(self) -> None:
        """Register the outbox handlers of this app."""
        from django.utils import timezone

        from booking.google import handlers as google_handlers
        from booking.notifications import (
            appointment_delivery,
            digest_delivery,
            received_delivery,
            waiting_delivery,
        )

        appointment_delivery.register()
        waiting_delivery.register()
        digest_delivery.register()
        received_delivery.register()
        google_handlers.register(clock=timezone.now)
