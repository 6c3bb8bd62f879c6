"""App configuration of the practices' websites."""

from django.apps import AppConfig


class WebsiteConfig(AppConfig):
    """Draft and publication of a practice's website, in the tenant's schema."""

    name = "tenants.website"
    label = "website"
    verbose_name = "Site du cabinet"
