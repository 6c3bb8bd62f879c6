"""The product without tenants: Django's own PostgreSQL backend, one schema, ATOMIC_REQUESTS.

What the bench ``request`` compares with. Views, templates and all other middleware are the same.
"""

import os

from config.settings import *  # noqa: F403  # the same settings, less the walls
from config.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE

_SCHEMA = os.environ["PLAIN_SCHEMA"]
DATABASES = {
    "default": {
        **DATABASES["default"],
        "ENGINE": "django.db.backends.postgresql",
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            **DATABASES["default"].get("OPTIONS", {}),
            "options": f"-c search_path={_SCHEMA} -c jit=off",
        },
    }
}
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "django_tenants"]
DATABASE_ROUTERS = []
MIDDLEWARE = [
    {"tenants.middleware.UnitOfWork": "tests.bench.plain.OneSite"}.get(name, name)
    for name in MIDDLEWARE
    if name != "tenants.middleware.LibraryHooks"
]
