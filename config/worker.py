"""The module of the dramatiq worker (``dramatiq config.worker``): imports the actors of every app."""

import importlib
import os

import django
from django.apps import apps
from django.utils.module_loading import module_has_submodule

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

for _config in apps.get_app_configs():
    if _config.module is not None and module_has_submodule(_config.module, "actors"):
        importlib.import_module(f"{_config.name}.actors")

from config.catch_up import CatchUp
from config.start import refuse_unsafe_settings
from tenants.broker import broker

refuse_unsafe_settings()
broker.add_middleware(CatchUp())

__all__ = ["broker"]
