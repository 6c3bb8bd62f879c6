"""System checks: the settings on which the walls stand (security.md section 3)."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from tenants import outbound


@register()
def check_walls(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Refuse settings that would let a session, a cookie or a cached value cross a wall."""
    rules = (
        (settings.SESSION_COOKIE_NAME.startswith("__Host-"), "the session cookie must be __Host-"),
        (settings.CSRF_COOKIE_NAME.startswith("__Host-"), "the CSRF cookie must be __Host-"),
        (settings.SESSION_COOKIE_DOMAIN is None, "a session cookie never has a Domain"),
        (settings.CSRF_COOKIE_DOMAIN is None, "a CSRF cookie never has a Domain"),
        (
            settings.SESSION_ENGINE == "django.contrib.sessions.backends.db",
            "sessions live in the tenant's schema",
        ),
        ("django.contrib.sessions" in settings.TENANT_APPS, "sessions live in the tenant's schema"),
        (
            all(c.get("KEY_FUNCTION") for c in settings.CACHES.values()),
            "every cache needs the tenant's KEY_FUNCTION",
        ),
        (not settings.USE_X_FORWARDED_HOST, "the tenant comes from Host and from nothing else"),
    )
    return [
        Error(message, id=f"tenants.E{number:03}")
        for number, (holds, message) in enumerate(rules, start=1)
        if not holds
    ]


@register()
def check_outside_services(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Refuse to start production with the address of a fake server."""
    return [Error(message, id="tenants.E020") for message in outbound.refusals_of_settings()]
