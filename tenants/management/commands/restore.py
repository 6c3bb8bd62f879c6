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
    outside_files,
    program,
    store,
)
from tenants.backup.outside_files import LedgerRefused
from tenants.backup.sealing import BadBackup
from tenants.backup.store import Manifest

CLOSED = "the database stays closed: drop it, create it empty, and restore again"


class Command(BaseCommand):
    """Restores into the empty database of OWNER_DATABASE_URL, which that login owns.

    Without --keys, data sealed before the backup stay unreadable. The application's login may connect only
    after ``replay_ledger`` and ``expire`` have succeeded. Nothing is loaded when the backup is of another version
    of the program, is not sealed, or when the erasure ledger or a KEK is missing.
    """

    help = __doc__ or ""

    def add_arguments(self, parser: Any) -> None:
        """Add the folders of the main backup and of the backup of keys, and what may be done without."""
        parser.add_argument("main", type=Path, help="folder of a main backup")
        parser.add_argument("--keys", type=Path, help="folder of a backup of keys")
        parser.add_argument(
            "--without-ledger",
            action="store_true",
            help="restore although the erasure ledger is lost: who was erased since is back",
        )
        parser.add_argument("--plain", action="store_true", help="accept files that are not sealed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the backup, load the dumps, replay the ledger, expire, then let the application connect."""
        url = settings.OWNER_DATABASE_URL
        server = dumps.DumpServer(
            url=url,
            programs=settings.PG_BIN,
            key=settings.BACKUP_KEY or None,
            accepts_plain=options["plain"] or not settings.PRODUCTION,
        )
        try:
            main = _manifest(server, options["main"], dumps.MAIN)
            keys = _manifest(server, options["keys"], dumps.KEYS) if options["keys"] else None
            _check(main, keys, without_ledger=options["without_ledger"])
            dumps.check_empty(server)
            is_known = dumps.has_login(server, settings.APP_ROLE)
            with access_lock.application_locked_out(
                owner_url=url, app_role=settings.APP_ROLE
            ) as login_url:
                dumps.load_main(server, options["main"], main, app_role=settings.APP_ROLE)
                if keys is not None:
                    dumps.load_keys(server, options["keys"], keys)
                access_lock.grant_application_roles(owner_url=url, login_url=login_url)
                for command in ("replay_ledger", "expire"):
                    if _run(command, login_url=login_url):
                        raise CommandError(f"{command} failed: {CLOSED}")
                # The chains end where the backup ends, earlier than recorded. A broken one is said, and stays so.
                if _run("verify_receipts", "--accept", login_url=login_url):
                    self.stderr.write("Some chains are broken: see the lines above.")
        except (dumps.DumpFailed, BadBackup, LedgerRefused) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['main'].name} restored; the application may connect.")
        if not is_known:
            self.stdout.write(
                f"The login {settings.APP_ROLE} is new and has no password: give it that of DATABASE_URL"
                f" (ALTER ROLE {settings.APP_ROLE} PASSWORD '...')."
            )


def _manifest(server: dumps.DumpServer, folder: Path, holds: str) -> Manifest:
    try:
        manifest = store.read_manifest(folder, key=server.key)
        is_plain = store.is_plain(folder)
    except FileNotFoundError:
        raise CommandError(f"{folder} is not a backup") from None
    if manifest.holds != holds:
        raise CommandError(f"{folder} is a backup of {manifest.holds}, not {holds}")
    if is_plain and not server.accepts_plain:
        raise CommandError(f"{folder} is not sealed: anybody may have written it (--plain)")
    store.check_files(folder, manifest)
    return manifest


def _check(main: Manifest, keys: Manifest | None, *, without_ledger: bool) -> None:
    """Raise CommandError or LedgerRefused before anything is loaded."""
    if main.migrations != program.migrations_digest():
        raise CommandError(
            f"this backup was made by lib-rdv {main.program or program.UNKNOWN}, whose tables differ from those of"
            f" {program.program_version()}: check that commit out in a folder of its own, restore with it,"
            " then run migrate_shared and migrate_tenants of the present one"
        )
    missing = set(keys.kek_ids if keys else ()) - {kek_id for kek_id, _kek in settings.KEKS}
    if missing:
        names = ", ".join(sorted(missing))
        raise CommandError(f"LIBRDV_KEKS lacks {names}, which wraps keys of this backup")
    if not without_ledger:
        try:
            outside_files.check_ledger(Path(settings.ERASURE_LEDGER), main)
        except LedgerRefused as error:
            raise LedgerRefused(
                f"{error}: persons who were erased would be back. Copy it from the newest backup of keys,"
                " or say --without-ledger"
            ) from None


def _run(*arguments: str, login_url: str) -> int:
    """Run a management command with the application's settings and the temporary login; return its exit code."""
    environment = {name: value for name, value in os.environ.items() if name != "LIBRDV_AS_OWNER"}
    completed = subprocess.run(  # a management command of this project
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
        env=environment | {"DATABASE_URL": login_url},
        check=False,
    )
    return completed.returncode
