"""Load a backup into an empty database and repeat its erasures before the application may connect."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenants.backup import (
    access_lock,
    dumps,
    store,
)
from tenants.backup.sealing import BadBackup


class Command(BaseCommand):
    """Restores into the empty database of OWNER_DATABASE_URL, which that login owns.

    Without --keys, data sealed before the backup stay unreadable. The application's login may connect only
    after ``replay_ledger`` and ``expire`` have succeeded.
    """

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add the folders of the main backup and of the backup of keys."""
        parser.add_argument("main", type=Path, help="folder of a main backup")
        parser.add_argument("--keys", type=Path, help="folder of a backup of keys")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load the dumps, replay the ledger, run ``expire``, then let the application connect."""
        url = settings.OWNER_DATABASE_URL
        server = dumps.DumpServer(
            url=url, programs=settings.PG_BIN, key=settings.BACKUP_KEY or None
        )
        try:
            main = self._manifest(options["main"], dumps.MAIN)
            keys = self._manifest(options["keys"], dumps.KEYS) if options["keys"] else None
            dumps.check_empty(server)
            with access_lock.application_locked_out(
                owner_url=url, app_role=settings.APP_ROLE
            ) as login_url:
                dumps.load_main(server, options["main"], main, app_role=settings.APP_ROLE)
                if keys is not None:
                    dumps.load_keys(server, options["keys"], keys)
                access_lock.grant_application_roles(owner_url=url, login_url=login_url)
                self._run("replay_ledger", login_url)
                self._run("expire", login_url)
        except (dumps.DumpFailed, BadBackup) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['main'].name} restored; the application may connect.")

    def _manifest(self, folder: Path, holds: str) -> store.Manifest:
        try:
            manifest = store.read_manifest(folder)
        except FileNotFoundError:
            raise CommandError(f"{folder} is not a backup") from None
        if manifest.holds != holds:
            raise CommandError(f"{folder} is a backup of {manifest.holds}, not {holds}")
        return manifest

    def _run(self, command: str, login_url: str) -> None:
        """Run a management command with the application's settings and the temporary login of this restore."""
        environment = {
            name: value for name, value in os.environ.items() if name != "LIBRDV_AS_OWNER"
        }
        completed = subprocess.run(  # a management command of this project
            [sys.executable, str(settings.BASE_DIR / "manage.py"), command],
            env=environment | {"DATABASE_URL": login_url},
            check=False,
        )
        if completed.returncode:
            raise CommandError(f"{command} failed: the database stays closed")
