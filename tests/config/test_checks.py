"""No process starts with unsafe settings."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from config import checks
from config.devtools import embedded
from config.devtools.processes import ROOT
from tenants.schema import Unit

GOOD = {
    "APEX": "lib-rdv.fr",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "LIBRDV_KEKS": "2026a:" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "EMAIL_URL": "smtp+tls://librdv:secret@mail.lib-rdv.fr:587",
    "ERASURE_LEDGER": "/var/lib/lib-rdv/erasures.ledger",
    "BACKUP_DIR": "/var/backups/lib-rdv",
    "KEY_BACKUP_DIR": "/var/backups/lib-rdv-keys",
    "LIBRDV_BACKUP_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "HOST_PROVIDER_NAME": "Hébergeur Exemple SAS",
    "HOST_PROVIDER_ADDRESS": "1 rue de l'Exemple, Lyon",
    "HOST_PROVIDER_PHONE": "04 00 00 00 00",
}


HOST_PROVIDER = {
    "name": GOOD["HOST_PROVIDER_NAME"],
    "address": GOOD["HOST_PROVIDER_ADDRESS"],
    "phone": GOOD["HOST_PROVIDER_PHONE"],
}


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the environment of production and the given changes."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "DATABASE_URL", "REDIS_URL"}}
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        check=False,
        cwd=ROOT,
        env={**kept, **GOOD, **changes},
        capture_output=True,
        text=True,
    )


def check_deploy(**changes: str) -> subprocess.CompletedProcess[str]:
    """Run ``check --deploy`` in production; not by manage.py, which refuses root, the user of many machines."""
    variables = {"DJANGO_SETTINGS_MODULE": "config.settings"} | changes
    return run("-m", "django", "check", "--deploy", "--fail-level", "WARNING", **variables)


def test_a_production_environment_passes_every_check() -> None:
    done = check_deploy()

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def codes() -> set[str]:
    return {check.id or "" for check in checks.check_environment(None)}


@pytest.fixture
def production(settings: Settings) -> Settings:
    """Set the settings of production in this process."""
    settings.PRODUCTION, settings.SCHEME, settings.TRUSTED_PROXIES = True, "https", 1
    settings.APEX, settings.PUBLIC_HOSTS = GOOD["APEX"], (GOOD["APEX"],)
    settings.SECRET_KEY, settings.ERASURE_LEDGER = GOOD["SECRET_KEY"], GOOD["ERASURE_LEDGER"]
    settings.BACKUP_DIR, settings.KEY_BACKUP_DIR = GOOD["BACKUP_DIR"], GOOD["KEY_BACKUP_DIR"]
    settings.HOST_PROVIDER = HOST_PROVIDER
    settings.BACKUP_KEY, settings.EMAIL_IS_SET = b"k" * 32, True
    settings.EMAIL_CONFIG = {"EMAIL_HOST": "mail.lib-rdv.fr", "EMAIL_USE_TLS": True}
    settings.BROKER_URL = "redis://127.0.0.1:6379/0"
    assert codes() == set()
    return settings


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        ("E001", "APEX", "lib-rdv.localhost"),
        ("E001", "APEX", "librdv"),
        ("E002", "SCHEME", "http"),
        ("E003", "SECRET_KEY", "short"),
        ("E003", "SECRET_KEY", "local-only-" + "0" * 50),
        ("E004", "MAIL_SPOOL", "/tmp/mails"),
        ("E005", "BROKER_URL", "stub://"),
        ("E006", "ERASURE_LEDGER", str(ROOT / "erasures.ledger")),
        ("E007", "HOST_PROVIDER", HOST_PROVIDER | {"name": "hébergeur de démonstration"}),
        ("E007", "HOST_PROVIDER", HOST_PROVIDER | {"address": "cette machine"}),
        ("E007", "HOST_PROVIDER", HOST_PROVIDER | {"phone": "sans téléphone"}),
        ("E007", "HOST_PROVIDER", HOST_PROVIDER | {"phone": ""}),
        ("E012", "KEY_BACKUP_DIR", "/var/backups/lib-rdv/keys"),
        ("E012", "KEY_BACKUP_DIR", "/var/backups/lib-rdv"),
        ("E013", "BACKUP_KEY", b""),
        ("E013", "BACKUP_KEY", b"abc"),
        ("E014", "EMAIL_IS_SET", False),
        ("E015", "EMAIL_CONFIG", {"EMAIL_HOST": "mail.lib-rdv.fr"}),
        ("E016", "SMS_GATEWAY", "brevo"),
        ("E016", "MAIL_PROVIDER", "brevo"),
        ("E008", "TRUSTED_PROXIES", 0),
        ("E010", "BACKUP_DIR", str(ROOT / "backups")),
        ("E010", "KEY_BACKUP_DIR", str(ROOT / "backups" / "keys")),
        ("E009", "PUBLIC_HOSTS", ("lib-rdv.fr", "lib-rdv.localhost")),
    ],
)
def test_production_refuses_the_settings_of_a_demonstration(
    production: Settings, code: str, name: str, value: object
) -> None:
    setattr(production, name, value)

    assert codes() == {f"config.{code}"}


def test_mails_to_a_relay_of_this_machine_need_no_encryption(production: Settings) -> None:
    production.EMAIL_CONFIG = {"EMAIL_HOST": "127.0.0.1"}
    assert codes() == set()

    production.EMAIL_CONFIG = {"EMAIL_HOST": "mail.lib-rdv.fr", "EMAIL_USE_SSL": True}
    assert codes() == set()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("HOST_PROVIDER_ADDRESS", "E007"),
        ("HOST_PROVIDER_PHONE", "E007"),
        ("KEY_BACKUP_DIR", "E010"),
        ("LIBRDV_BACKUP_KEY", "E013"),
        ("EMAIL_URL", "E014"),
    ],
)
def test_a_setting_that_the_guide_calls_needed_is_needed(name: str, reason: str) -> None:
    done = run("-c", "import config.wsgi", **{name: ""})

    assert done.returncode != 0
    assert f"config.{reason}" in done.stderr


def test_a_backup_key_that_is_not_base64_is_refused_without_its_text() -> None:
    done = run("-c", "import config.wsgi", LIBRDV_BACKUP_KEY="Geheim!")

    assert "config.E013" in done.stderr
    assert "Geheim" not in done.stderr


def places() -> list[str]:
    return [check.msg.split()[0] for check in checks.check_places(None)]


def test_places_that_cannot_be_written_are_found_before_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    """A ledger in a place that the units close made every erasure fail, with every check green."""
    (tmp_path / "file").touch()
    names = ("ERASURE_LEDGER", "BACKUP_DIR", "KEY_BACKUP_DIR")
    for name in names:
        setattr(settings, name, str(tmp_path / name / "here"))
    settings.SECURITY_LOG = ""
    assert places() == []
    settings.SECURITY_LOG = str(tmp_path / "security.log")
    assert places() == []

    for name in (*names, "SECURITY_LOG"):
        kept = getattr(settings, name)
        setattr(settings, name, str(tmp_path / "file" / "x"))
        assert places() == [name]
        setattr(settings, name, kept)
    settings.ERASURE_LEDGER = str(tmp_path)  # a folder
    assert places() == ["ERASURE_LEDGER"]


def test_services_that_do_not_answer_cause_a_warning(settings: Settings) -> None:
    settings.BROKER_URL = settings.REDIS_URL = "redis://127.0.0.1:1/0"

    found = checks.check_services(None, databases=["default"])
    assert [check.msg for check in found] == [
        "BROKER_URL does not answer",
        "REDIS_URL does not answer",
    ]
    assert checks.check_services(None) == []


READY = {
    "GOOGLE_CLIENT_ID": "ours.apps.googleusercontent.com",
    "GOOGLE_CLIENT_SECRET": "secret",
    "CONNECT_HOST": "connect.lib-rdv.fr",
    "GOOGLE_REDIRECT_URI": "https://connect.lib-rdv.fr/google/retour",
    "GOOGLE_SIGNAL_URL": "https://connect.lib-rdv.fr/google/signal/",
}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("GOOGLE_CLIENT_SECRET", "secret", set()),
        ("GOOGLE_SIGNAL_URL", "", set()),
        ("GOOGLE_CLIENT_SECRET", "", {"config.E011"}),
        ("GOOGLE_REDIRECT_URI", "http://connect.lib-rdv.fr/google/retour", {"config.E011"}),
        ("GOOGLE_REDIRECT_URI", "https://elsewhere.example/google/retour", {"config.E011"}),
        ("GOOGLE_SIGNAL_URL", "http://connect.lib-rdv.fr/google/signal/", {"config.E011"}),
        ("GOOGLE_SIGNAL_URL", "https://connect.lib-rdv.fr/google/signal", {"config.E011"}),
    ],
)
def test_google_redirects_by_https_to_the_connect_host(
    production: Settings, name: str, value: str, found: set[str]
) -> None:
    for known, right in {**READY, name: value}.items():
        setattr(production, known, right)

    assert codes() == found


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("E021", {"APEX": "lib-rdv.fr"}),
        ("E021", {"PUBLIC_HOSTS": ("lib-rdv.localhost", "lib-rdv.fr")}),
        ("E022", {"SCHEME": "https"}),
        ("E023", {"DEMO": True, "TESTING": True}),
    ],
)
def test_a_demonstration_refuses_the_settings_of_production(
    settings: Settings, code: str, changes: dict[str, object]
) -> None:
    assert codes() == set()
    for name, value in changes.items():
        setattr(settings, name, value)

    assert codes() == {f"config.{code}"}


@pytest.mark.parametrize("process", ["config.wsgi", "config.worker"])
def test_web_and_worker_refuse_to_start(process: str) -> None:
    owner = "postgres://owner@/librdv"
    done = run("-c", f"import {process}", SCHEME="http", OWNER_DATABASE_URL=owner, LIBRDV_KEKS="")

    assert done.returncode != 0
    for reason in ("config.E002", "keyring.E001", "OWNER_DATABASE_URL"):
        assert reason in done.stderr


@pytest.mark.parametrize("process", ["config.wsgi", "config.worker"])
def test_web_and_worker_start_with_productions_settings(process: str) -> None:
    done = run("-c", f"import {process}")

    assert done.returncode == 0, done.stderr


def test_the_server_of_the_run_logs_no_statement(public: Unit, services: embedded.Services) -> None:
    found = checks.check_server_logs(None, databases=["default"])

    # An external server of DATABASE_URL has its own log settings; the embedded one logs no statement.
    assert found == [] or services.postgres is None


def test_a_server_that_logs_statements_causes_a_warning(
    public: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_SILENT_SERVER", {"log_statement": ("something else",)})

    assert [c.id for c in checks.check_server_logs(None, databases=["default"])] == ["config.W031"]
