"""System checks of the settings on which tenant isolation depends (design section 3)."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from tenants import http_gateway


@register()
def check_isolation(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Return an error for each setting that would share a session, cookie or cached value between tenants."""
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
def check_external_services(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Return an error for each outbound address in production that could be a fake server."""
    return [Error(message, id="tenants.E020") for message in http_gateway.refusals_of_settings()]
