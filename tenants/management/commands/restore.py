"""Load a backup into an empty database and erase again what had been erased, before it opens."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenants.backup import dumps, opening, shelf
from tenants.backup.sealing import BadBackup


class Command(BaseCommand):
    """Restore into the empty database of OWNER_DATABASE_URL, which that login owns.

    Without --keys, what was sealed before the backup stays unreadable. The application's login can
    connect only when the erasure ledger has been replayed and the purge has run.
    """

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Name the two folders."""
        parser.add_argument("main", type=Path, help="folder of a main backup")
        parser.add_argument("--keys", type=Path, help="folder of a backup of keys")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, replay, purge, open."""
        url = settings.OWNER_DATABASE_URL
        server = dumps.Server(url=url, programs=settings.PG_BIN, key=settings.BACKUP_KEY or None)
        try:
            main = self._manifest(options["main"], dumps.MAIN)
            keys = self._manifest(options["keys"], dumps.KEYS) if options["keys"] else None
            dumps.check_empty(server)
            with opening.closed(owner_url=url, app_role=settings.APP_ROLE) as login_url:
                dumps.load_main(server, options["main"], main, app_role=settings.APP_ROLE)
                if keys is not None:
                    dumps.load_keys(server, options["keys"], keys)
                opening.let_work(owner_url=url, login_url=login_url)
                self._run("replay_ledger", login_url)
                self._run("purge", login_url)
        except (dumps.DumpFailed, BadBackup) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['main'].name} restored; the application may connect.")

    def _manifest(self, folder: Path, holds: str) -> shelf.Manifest:
        try:
            manifest = shelf.read_manifest(folder)
        except FileNotFoundError:
            raise CommandError(f"{folder} is not a backup") from None
        if manifest.holds != holds:
            raise CommandError(f"{folder} is a backup of {manifest.holds}, not {holds}")
        return manifest

    def _run(self, command: str, login_url: str) -> None:
        """Run a command as the application works, with the login that only this restore has."""
        environment = {
            name: value for name, value in os.environ.items() if name != "LIBRDV_AS_OWNER"
        }
        done = subprocess.run(  # our own command
            [sys.executable, str(settings.BASE_DIR / "manage.py"), command],
            env=environment | {"DATABASE_URL": login_url},
            check=False,
        )
        if done.returncode:
            raise CommandError(f"{command} failed: the database stays closed")
