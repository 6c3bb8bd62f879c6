"""App configuration of ``config``: management commands, template tags and checks of the settings."""

import importlib

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Settings, URLs and processes of the application."""

    name = "config"

    def ready(self) -> None:
        """Register the system checks."""
        importlib.import_module("config.checks")
