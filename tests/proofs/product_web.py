"""The product's WSGI application, without the guard that `PROOF` and `SABOTAGE` name."""

import os
from typing import Any

import django


def _load() -> Any:
    """Return the application; the guard is removed before the application is made."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.proofs.guards import remove_requested_guard

    remove_requested_guard()
    from config.wsgi import application

    return application


application = _load()
