"""The WSGI application of a proof: the product's own, with one guard removed when a sabotage is asked."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from tests.proofs.sabotage import apply_sabotage  # noqa: E402  # the apps must be ready

apply_sabotage()

from config.wsgi import application  # noqa: E402  # the sabotage comes first

__all__ = ["application"]
