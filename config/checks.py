"""System checks that refuse a demonstration's settings in production, and production's in a demonstration."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connection

from config.health import broker
from tenants.backup.sealing import KEY_BYTES
from tenants.schema import SWEEPER, inside

_LOCAL_NAMES = (".localhost", ".local", ".internal", ".test", ".example", ".invalid")
_SILENT_SERVER = {
    "log_statement": ("none",),
    "log_min_error_statement": ("panic", "fatal"),
    "log_min_duration_statement": ("-1",),
    "log_error_verbosity": ("terse",),
}
"""psycopg2 inserts values into statements: a server that logs statements or details logs personal data."""

Rule = tuple[str, bool, str]


@register()
def check_environment(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Return an error for each unsafe setting; its number is that of the table in docs/running.md."""
    rules = _rules_of_production() if settings.PRODUCTION else _rules_of_demonstration()
    return [Error(message, id=f"config.{number}") for number, holds, message in rules if not holds]


def _rules_of_production() -> Sequence[Rule]:
    return (
        ("E001", "." in settings.APEX and not _is_local(settings.APEX), "APEX is no public name"),
        ("E002", settings.SCHEME == "https", "SCHEME must be https"),
        (
            "E003",
            len(settings.SECRET_KEY) >= 50 and not settings.SECRET_KEY.startswith("local-only"),
            "SECRET_KEY must be 50 random characters",
        ),
        ("E004", not settings.MAIL_SPOOL, "MAIL_SPOOL keeps mails in a folder: demonstration only"),
        ("E005", not settings.BROKER_URL.startswith("stub"), "BROKER_URL must name a broker"),
        (
            "E006",
            not _is_ours(settings.ERASURE_LEDGER),
            "ERASURE_LEDGER must be outside the program's folder, on another disk than the database",
        ),
        (
            "E007",
            all(settings.HOST_PROVIDER.values())
            and not set(settings.HOST_PROVIDER.values())
            & set(settings.DEMO_HOST_PROVIDER.values()),
            "HOST_PROVIDER_NAME, _ADDRESS and _PHONE stand in the legal notice",
        ),
        ("E008", settings.TRUSTED_PROXIES >= 1, "TRUSTED_PROXIES must count the proxy in front"),
        (
            "E009",
            not any(_is_local(host) for host in settings.PUBLIC_HOSTS),
            "PUBLIC_HOSTS holds a local name",
        ),
        (
            "E010",
            not _is_ours(settings.BACKUP_DIR) and not _is_ours(settings.KEY_BACKUP_DIR),
            "BACKUP_DIR and KEY_BACKUP_DIR must be outside the program's folder",
        ),
        (
            "E011",
            not settings.GOOGLE_CLIENT_ID or _is_google_ready(),
            "GOOGLE_CLIENT_SECRET is missing, or GOOGLE_REDIRECT_URI or GOOGLE_SIGNAL_URL is not at CONNECT_HOST",
        ),
        (
            "E012",
            not Path(settings.KEY_BACKUP_DIR).is_relative_to(settings.BACKUP_DIR),
            "KEY_BACKUP_DIR must be outside BACKUP_DIR: whoever takes one must not have both",
        ),
        (
            "E013",
            len(settings.BACKUP_KEY) == KEY_BYTES,
            "LIBRDV_BACKUP_KEY must be base64 of 32 random bytes",
        ),
        (
            "E014",
            settings.MAIL_PROVIDER != "smtp" or settings.EMAIL_IS_SET,
            "EMAIL_URL must name the relay of the mails",
        ),
        (
            "E015",
            settings.MAIL_PROVIDER != "smtp" or _is_mail_encrypted(),
            "EMAIL_URL must be smtp+tls:// or smtp+ssl://, or the mails cross the network in clear",
        ),
        (
            "E016",
            bool(settings.BREVO_API_KEY)
            or "brevo" not in {settings.MAIL_PROVIDER, settings.SMS_GATEWAY},
            "BREVO_API_KEY is missing: mails or SMS go by Brevo",
        ),
    )


def _rules_of_demonstration() -> Sequence[Rule]:
    hint = "LIBRDV_DEMO and LIBRDV_TESTING are for this machine only"
    return (
        ("E021", all(map(_is_local, (settings.APEX, *settings.PUBLIC_HOSTS))), hint),
        ("E022", settings.SCHEME == "http", hint),
        ("E023", not (settings.DEMO and settings.TESTING), "either a demonstration or a test"),
    )


def _is_google_ready() -> bool:
    """Return whether Google's redirects and notifications go to CONNECT_HOST, and a client secret is set."""
    ours = f"https://{settings.CONNECT_HOST}/google/"
    back, signal = settings.GOOGLE_REDIRECT_URI, settings.GOOGLE_SIGNAL_URL
    is_right = back == f"{ours}retour" and signal in {"", f"{ours}signal/"}
    return bool(settings.GOOGLE_CLIENT_SECRET) and is_right


def _is_mail_encrypted() -> bool:
    """Return whether mails go to the relay by TLS, or to a relay on this machine."""
    config = settings.EMAIL_CONFIG
    is_here = config.get("EMAIL_HOST") in {"127.0.0.1", "::1", "localhost"}
    return is_here or bool(config.get("EMAIL_USE_TLS") or config.get("EMAIL_USE_SSL"))


def _is_ours(path: str) -> bool:
    """Return whether a path is in the program's folder, from which relative paths count."""
    return not Path(path).is_absolute() or Path(path).is_relative_to(settings.BASE_DIR)


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(_LOCAL_NAMES)


@register(Tags.database, deploy=True)
def check_server_logs(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return a warning for each setting by which PostgreSQL's log would contain values of statements (S-24)."""
    if not databases or settings.AS_OWNER:
        return []
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(_SILENT_SERVER)]
        )
        found = dict(cursor.fetchall())
    return [
        CheckWarning(
            f"PostgreSQL: set {name} = {accepted[0]}, or its log holds values", id="config.W031"
        )
        for name, accepted in _SILENT_SERVER.items()
        if found.get(name) not in accepted
    ]


PLACES = "places"
"""The tag of the check of files and folders: ``check --deploy --tag places``, before each start of a unit."""


@register(PLACES, deploy=True)
def check_places(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Return an error for each file or folder that this process cannot write.

    The units close every place but /var/lib/lib-rdv (``ReadWritePaths``), and a file that root made is closed to
    everybody else. Without the ledger no person can be erased.
    """
    files = {"ERASURE_LEDGER": settings.ERASURE_LEDGER, "SECURITY_LOG": settings.SECURITY_LOG}
    folders = {"BACKUP_DIR": settings.BACKUP_DIR, "KEY_BACKUP_DIR": settings.KEY_BACKUP_DIR}
    closed = [name for name, path in files.items() if path and not _is_writable_file(Path(path))]
    closed += [name for name, path in folders.items() if not _is_writable_folder(Path(path))]
    return [
        Error(
            f"{name} cannot be written by this process",
            hint="Is it the user's? Is it in ReadWritePaths of the units? Is the disk full?",
            id="config.E017",
        )
        for name in closed
    ]


def _is_writable_file(path: Path) -> bool:
    if not path.exists():
        return _is_writable_folder(path.parent)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
    except OSError:
        return False
    return _is_writable_folder(path.parent)


def _is_writable_folder(path: Path) -> bool:
    """Return whether a file can be made in the folder, which is made when it is missing."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"lib-rdv")
    except OSError:
        return False
    return True


@register(Tags.database, deploy=True)
def check_services(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return a warning when the broker or the cache does not answer: messages would wait, limits would rest."""
    if not databases:
        return []
    found = [("BROKER_URL", broker.is_reachable()), ("REDIS_URL", broker.is_cache_reachable())]
    return [
        CheckWarning(f"{name} does not answer", id="config.W032")
        for name, is_reachable in found
        if not is_reachable
    ]
