"""App configuration of booking."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Appointments of one practice, in its own schema."""

    name = "booking"
    verbose_name = "Rendez-vous"

    def ready(self) -> None:
        """Tell the outbox who delivers our messages."""
        from django.utils import timezone

        from booking.services import digest_letters, notices, waiting_notices
        from booking.services.google import registering

        notices.register()
        waiting_notices.register()
        digest_letters.register()
        registering.register(clock=timezone.now)
