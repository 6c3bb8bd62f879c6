"""A management command of the product, without the guard that `PROOF` and `SABOTAGE` name."""

import os
import sys

import django


def main(arguments: list[str]) -> None:
    """Run the command as `manage.py` does."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import execute_from_command_line

    from tests.proofs.guards import remove_requested_guard

    remove_requested_guard()
    execute_from_command_line(["manage.py", *arguments])


main(sys.argv[1:])
