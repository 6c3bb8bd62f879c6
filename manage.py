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
    from django.conf import settings  # settings first
    from django.core.management import execute_from_command_line

    refuse_root(uid=os.geteuid(), is_production=settings.PRODUCTION)
    execute_from_command_line(sys.argv)


def refuse_root(*, uid: int, is_production: bool) -> None:
    """Exit when a command of production runs as root.

    Files that it makes, such as the erasure ledger, would then be closed to the services: nobody could be erased.
    """
    if is_production and uid == 0:
        sys.exit(
            "lib-rdv: not as root; run lib-rdv COMMAND (docs/systemd/lib-rdv), which becomes the service's user"
        )


if __name__ == "__main__":
    main()
