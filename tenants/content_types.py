"""One ContentType cache per schema: ids differ between tenants, while Django has one cache per process."""

from typing import Any

from django.contrib.contenttypes.models import ContentTypeManager
from django.db import connections


class _CachePerSchema:
    caches: dict[str, dict[Any, Any]] = {}

    def __get__(self, manager: object, owner: type) -> dict[Any, Any]:
        schema: str = getattr(connections["default"], "schema_name", "")
        return self.caches.setdefault(schema, {})

    def __set__(self, manager: object, value: object) -> None:
        """Ignore the assignment in the manager's constructor."""


_CACHE_ATTRIBUTE = "_cache"
"""Where the manager keeps the content types that it has read: private, and without a setting."""


def separate_content_types() -> None:
    """Install a ContentType cache per schema; called once, when the apps are ready.

    django-tenants clears the shared cache at each switch, which is a race between threads: in a measurement
    19 of 414 responses contained another tenant's id.
    """
    setattr(ContentTypeManager, _CACHE_ATTRIBUTE, _CachePerSchema())
