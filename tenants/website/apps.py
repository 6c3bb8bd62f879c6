"""App configuration of the practice's pages."""

from django.apps import AppConfig


class WebsiteConfig(AppConfig):
    """What a practice shows, in its own schema."""

    name = "tenants.website"
    label = "website"
    verbose_name = "Site du cabinet"
