"""Back up every schema: one dump without keys, one of the keys alone, with the files outside the database."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.audit import chain_heads
from tenants.backup import dumps, outside_files, program, store
from tenants.backup.store import (
    BACKUP_DAYS,
    KEY_BACKUP_DAYS,
    Manifest,
)


class Command(BaseCommand):
    """Writes both dumps, sealed by LIBRDV_BACKUP_KEY, then deletes expired backups.

    Needs the owner's login. The two backup stores may be on different machines. The backup of keys also has a copy
    of the erasure ledger and of the chain heads, without which a restore is refused.
    """

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add ``--plain``, which writes an unsealed backup."""
        parser.add_argument("--plain", action="store_true", help="do not seal the files")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the backup, then delete expired ones: a failed backup deletes none."""
        key = settings.BACKUP_KEY or None
        if key is None and settings.PRODUCTION and not options["plain"]:
            raise CommandError("Set LIBRDV_BACKUP_KEY, or use --plain.")
        server = dumps.DumpServer(
            url=settings.OWNER_DATABASE_URL,
            programs=settings.PG_BIN,
            key=None if options["plain"] else key,
        )
        now = timezone.now()
        main, keys = Path(settings.BACKUP_DIR), Path(settings.KEY_BACKUP_DIR)
        ledger = Path(settings.ERASURE_LEDGER)
        # Before the dumps: an erasure that they already lack has its line by then.
        manifest = Manifest(
            dumps.MAIN,
            now.isoformat(),
            {},
            program=program.program_version(),
            migrations=program.migrations_digest(),
            kek_ids=dumps.kek_ids_of(server),
            ledger=outside_files.mark_of(ledger),
        )
        # Both folders share one block: when one dump fails, neither folder gets its final name.
        with store.new_folder(main, now=now) as main_to, store.new_folder(keys, now=now) as keys_to:
            main_files, key_files = dumps.dump(server, main=main_to, keys=keys_to)
            outside_files.copy_outside(ledger=ledger, chain_heads=chain_heads.folder(), to=keys_to)
            for folder, holds, files in (
                (main_to, dumps.MAIN, main_files),
                (keys_to, dumps.KEYS, key_files),
            ):
                digests = {name: store.digest_of(folder / name) for name in files}
                content = replace(manifest, holds=holds, files=files, digests=digests)
                store.write_manifest(folder, content, key=server.key)
        deleted = store.delete_old(main, days=BACKUP_DAYS, now=now)
        deleted += store.delete_old(keys, days=KEY_BACKUP_DAYS, now=now)
        schemas = sum(len(names) for names in main_files.values())
        dumps.beat(server, now=now)
        self.stdout.write(f"{schemas} schemas in {main_to.name.removesuffix(store.PARTIAL)}.")
        self.stdout.write(f"{len(deleted)} old backups deleted.")
