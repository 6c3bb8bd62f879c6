"""App configuration of booking."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Appointments of one practice, in its own schema."""

    name = "booking"
    verbose_name = "Rendez-vous"

    def ready(self) -> None:
        """Tell the outbox who delivers our messages."""
        from booking.services import digest_letters, notices, waiting_notices

        notices.register()
        waiting_notices.register()
        digest_letters.register()
