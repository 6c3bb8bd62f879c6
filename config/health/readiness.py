"""Readiness of this process: the database responds and has the migrations that the code expects."""

from functools import lru_cache

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from tenants.provisioning.template import CURRENT_VERSION
from tenants.provisioning.version import version_of
from tenants.schema import PUBLIC, inside


def reasons_not_ready() -> list[str]:
    """Return the codes of the reasons why this process cannot serve; [] when it can.

    An outdated tenant schema is no reason: only this tenant is not served (see ``promises``).
    """
    shared, is_template_current = _expected()
    reasons = [] if is_template_current else ["template"]
    try:
        with inside(PUBLIC), connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    except DatabaseError:
        return [*reasons, "database"]
    return reasons if shared <= applied else [*reasons, "migrations"]


@lru_cache(maxsize=1)
def _expected() -> tuple[frozenset[tuple[str, str]], bool]:
    """Return the migrations of the shared apps on disk, and whether the template has the tenant apps' version."""
    loader = MigrationLoader(None)
    labels = {
        config.label for config in apps.get_app_configs() if config.name in settings.SHARED_APPS
    }
    shared = frozenset(key for key in loader.disk_migrations if key[0] in labels)
    return shared, version_of(loader) == CURRENT_VERSION
