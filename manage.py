#!/usr/bin/env python
"""Run a management command, with the owner's database login only for the commands that need it."""

import os
import sys

OWNER_COMMANDS = frozenset(
    {
        "prepare_database",
        "migrate_shared",
        "migrate_tenants",
        "make_template",
        "provision",
        "makemigrations",
        "migrate_schemas",
        "showmigrations",
        "sqlmigrate",
        "backup",
        "restore",
    }
)


def main() -> None:
    """Start Django with the settings of the house."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ["LIBRDV_AS_OWNER"] = "1"
    from django.core.management import execute_from_command_line  # settings first

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
