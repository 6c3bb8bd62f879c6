"""A management command of a proof: the product's own, with one guard removed when a sabotage is asked."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.core.management import execute_from_command_line  # noqa: E402  # the settings come first

from tests.proofs.sabotage import apply_sabotage  # noqa: E402

apply_sabotage()
execute_from_command_line(["manage.py", *sys.argv[1:]])
