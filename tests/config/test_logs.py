"""The allow-list of logging, for the application's loggers and for those of libraries."""

import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
import structlog

from config.logs import WITHHELD, JsonHandler, describe, security_event, tenant_mark

CANARY = "Canari Dupont-Épreuve"
MAIL = "canari@exemple.fr"
log = structlog.get_logger("canary")
library = logging.getLogger("library")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict]]:
    """Return a function that reads the lines written so far."""

    def read() -> list[dict]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


@pytest.fixture(autouse=True)
def only_our_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a library's logger our handler only, as in a served process; pytest adds its own handlers."""
    handler = JsonHandler()
    monkeypatch.setattr(library, "handlers", [handler])
    monkeypatch.setattr(library, "propagate", False)


def test_an_unlisted_key_is_omitted(lines) -> None:
    log.info("booked", email=MAIL, name=CANARY, path="/rdv/jeton", kind="booking.reminder")

    (line,) = lines()
    assert line["event"] == "booked"
    assert line["kind"] == "booking.reminder"
    assert set(line) == {"time", "level", "event", "logger", "kind"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reason", MAIL),
        ("reason", CANARY),
        ("user", MAIL),
        ("status", "Dupont"),
        ("entry", CANARY),
        ("route", f"/rdv?nom={CANARY}"),
        ("network", "192.0.2.7"),
        ("kind", {"name": CANARY}),
    ],
)
def test_a_value_without_the_shape_of_its_key_is_withheld(lines, key: str, value: object) -> None:
    log.info("booked", **{key: value})

    assert lines()[0][key] == WITHHELD


def test_an_event_made_of_data_is_withheld(lines) -> None:
    log.info(f"booked {CANARY}")  # noqa: G004  # the careless line that this is about

    assert lines()[0]["event"] == WITHHELD


def test_a_schema_is_logged_as_a_pseudonym(lines) -> None:
    log.info("outbox_done", schema="t_one")

    (line,) = lines()
    assert line["tenant"] == tenant_mark("t_one")
    assert "t_one" not in json.dumps(line)


def test_a_librarys_arguments_are_omitted(lines) -> None:
    library.error("Mail to %s refused", MAIL)

    (line,) = lines()
    assert line["event"] == "Mail to %s refused"
    assert MAIL not in json.dumps(line)


@pytest.mark.parametrize(
    "message",
    [f"Mail to {MAIL} refused", "Mail to {} refused".format(MAIL), ValueError(MAIL), MAIL.upper()],  # noqa: UP032
)
def test_a_message_built_from_values_is_withheld(lines, message: object) -> None:
    library.error(message)

    (line,) = lines()
    assert line["event"] == WITHHELD
    assert line["at"].startswith("tests/config/test_logs.py:")


def test_extra_attributes_of_a_record_are_omitted(lines) -> None:
    library.error("refused", extra={"request": CANARY, "email": MAIL})

    (line,) = lines()
    assert set(line) == {"time", "level", "event", "logger", "at"}


def test_a_line_that_cannot_be_written_raises_nothing(lines, monkeypatch) -> None:
    monkeypatch.setattr("config.logs._of_record", lambda record: 1 / 0)
    library.error("Mail to %s refused", MAIL)

    assert lines() == [{"level": "error", "event": "log_line_lost"}]


def test_an_exception_gives_types_and_lines_without_its_text(lines) -> None:
    def fail() -> None:
        secret = CANARY  # a local that must not come out
        try:
            raise ValueError(secret)  # noqa: TRY301  # two links of a chain
        except ValueError as error:
            raise RuntimeError(f"about {secret}") from error

    try:
        fail()
    except RuntimeError:
        library.exception("It failed for %s", MAIL)
        log.exception("failed")

    for line in lines():
        assert [link["type"] for link in line["exception"]] == [
            "builtins.RuntimeError",
            "builtins.ValueError",
        ]
        assert line["exception"][0]["at"][-1].endswith(" fail")
        assert "Canari" not in json.dumps(line)
        assert MAIL not in json.dumps(line)


def test_a_database_error_keeps_its_sqlstate(services) -> None:
    connection = psycopg2.connect(services.environment()["OWNER_DATABASE_URL"])
    with connection.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
        cursor.execute("SELECT %s::int", [MAIL])
    connection.close()

    (link,) = describe(caught.value)
    assert link["sqlstate"] == "22P02"
    assert MAIL in str(caught.value)
    assert MAIL not in json.dumps(link)


def test_a_warning_that_was_captured_has_no_text(lines, monkeypatch) -> None:
    monkeypatch.setattr(logging.getLogger("py.warnings"), "handlers", [JsonHandler()])
    monkeypatch.setattr(logging.getLogger("py.warnings"), "propagate", False)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging._showwarning(  # type: ignore[attr-defined]  # what captureWarnings installs
            f"about {CANARY}", UserWarning, "somewhere.py", 3
        )

    (line,) = lines()
    assert line["logger"] == "py.warnings"
    assert "Canari" not in json.dumps(line)


def test_every_logger_of_a_started_process_writes_through_ours() -> None:
    program = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
        "import config.worker, logging\n"
        "known = [logging.root, *map(logging.getLogger, list(logging.root.manager.loggerDict))]\n"
        "print(sorted({type(h).__name__ for l in known for h in l.handlers} - {'NullHandler'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "['JsonHandler']"


@pytest.mark.parametrize("place", ["missing/security.log", "file/security.log", ""])
def test_a_security_log_that_cannot_be_written_ends_no_request(
    lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A closed place or a full disk made every wrong password and every unknown host an error."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SECURITY_LOG", str(tmp_path / place))
    security_event("login_failed", address="192.0.2.7")

    assert [line["event"] for line in lines()] == ["login_failed", "security_log_failed"]
