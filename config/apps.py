"""App configuration of the wiring: it only carries management commands of the house."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Wiring."""

    name = "config"
