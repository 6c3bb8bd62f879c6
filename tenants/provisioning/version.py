"""The version of a tenant schema: a digest of the names of its migrations."""

import hashlib

from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader


def version_of(loader: MigrationLoader) -> str:
    """Return SHA-256 of the migrations on disk of the apps in TENANT_APPS, in hexadecimal."""
    labels = {
        config.label for config in apps.get_app_configs() if config.name in settings.TENANT_APPS
    }
    names = sorted(f"{app}.{name}" for app, name in loader.disk_migrations if app in labels)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
