"""App configuration of the catalogue."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Products and their prices, in ``public`` only."""

    name = "billing.catalogue"
    label = "catalogue"
