"""The product's application with the password hasher of production: the others of the tests cost nothing."""

import os
from typing import Any


def _load() -> Any:
    """Return the application; the hasher is set before anything asks for it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["tenants.accounts.hashers.LimitedArgon2Hasher"]
    from tests.proofs.product_web import application

    return application


application = _load()
