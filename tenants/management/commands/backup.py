"""Back up every schema: one dump without keys, one of the keys alone."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.backup import dumps, shelf
from tenants.backup.shelf import BACKUP_DAYS, KEY_BACKUP_DAYS, Manifest


class Command(BaseCommand):
    """Write both dumps, sealed under LIBRDV_BACKUP_KEY, then drop what is too old.

    Needs the owner's login. The two shelves may stand on different machines.
    """

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Allow an unsealed backup, on purpose."""
        parser.add_argument("--plain", action="store_true", help="do not seal the files")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write, then rotate: a backup that fails deletes nothing."""
        key = settings.BACKUP_KEY or None
        if key is None and settings.PRODUCTION and not options["plain"]:
            raise CommandError("Set LIBRDV_BACKUP_KEY, or ask for --plain.")
        server = dumps.Server(
            url=settings.OWNER_DATABASE_URL,
            programs=settings.PG_BIN,
            key=None if options["plain"] else key,
        )
        now = timezone.now()
        main, keys = Path(settings.BACKUP_DIR), Path(settings.KEY_BACKUP_DIR)
        # The folder of the keys is inside the main one's block: half a backup is none.
        with shelf.new_folder(main, now=now) as main_to, shelf.new_folder(keys, now=now) as keys_to:
            main_files, key_files = dumps.dump(server, main=main_to, keys=keys_to)
            for folder, holds, files in (
                (main_to, dumps.MAIN, main_files),
                (keys_to, dumps.KEYS, key_files),
            ):
                shelf.write_manifest(folder, Manifest(holds, now.isoformat(), files))
        dropped = shelf.drop_old(main, days=BACKUP_DAYS, now=now)
        dropped += shelf.drop_old(keys, days=KEY_BACKUP_DAYS, now=now)
        schemas = sum(len(names) for names in main_files.values())
        self.stdout.write(f"{schemas} schemas in {main_to.name.removesuffix(shelf.PARTIAL)}.")
        self.stdout.write(f"{len(dropped)} old backups dropped.")
