"""App configuration of booking."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Appointments of one practice, in its own schema."""

    name = "booking"
    verbose_name = "Rendez-vous"
