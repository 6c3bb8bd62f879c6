"""Logging by allow-list (S-22 to S-24): JSON lines that cannot contain a patient's data.

A key outside ``SHAPES`` is omitted; a value without the shape of its key becomes ``withheld``. A library's
message is kept only when it is a literal of its code; an exception is reduced to its type and lines of code.
"""

import errno
import inspect
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2s
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

import structlog

from tenants.client_address import LOGGED_IPV6_PREFIX, network_of

WITHHELD = "withheld"
OURS = ("api", "billing", "booking", "compliance", "config", "tenants")
MAX_LINKS, MAX_FRAMES = 5, 25

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:<>-]{0,99}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,59}")
_HEX = re.compile(r"[0-9a-f]{8,64}")
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
_NETWORK = re.compile(r"[0-9a-f.:]{2,45}/[0-9]{1,3}")
_ROOTS = tuple(
    f"{Path(root).resolve()}{os.sep}"
    for root in [*sys.path, str(Path(__file__).parent.parent)]
    if root
)


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


SHAPES: Mapping[str, Callable[[object], bool]] = {
    "logger": _matches(_WORD),
    "request": _matches(_HEX),
    "tenant": _matches(_HEX),
    "route": _matches(_WORD),
    "method": _matches(re.compile(r"[A-Z]{3,7}")),
    "status": _is_number,
    "ms": _is_number,
    "user": _is_number,
    "network": _matches(_NETWORK),
    "actor": _matches(_WORD),
    "duty": _matches(_WORD),
    "entry": _matches(_HEX),
    "kind": _matches(_WORD),
    "state": _matches(_WORD),
    "reason": _matches(_WORD),
    "rule": _matches(_WORD),
    "error": _matches(_WORD),
    "code": _matches(_SQLSTATE),
    "attempts": _is_number,
    "count": _is_number,
    "seconds": _is_number,
}
"""The allowed keys of a line, besides time, level, event and logger, with the test of their values."""

Event = MutableMapping[str, Any]


@lru_cache(maxsize=10_000)
def tenant_mark(schema: str) -> str:
    """Return the pseudonym of a tenant in the logs, 12 hexadecimal digits, the same in every process."""
    return blake2s(schema.encode(), digest_size=6).hexdigest()


# --- Exceptions -----------------------------------------------------------------------------------
def describe(error: BaseException) -> list[dict[str, Any]]:
    """Return the chain of an exception, the newest first: types, codes and lines, without texts or values."""
    return [_link(cause) for cause in _chain(error)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(MAX_LINKS):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _link(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    link: dict[str, Any] = {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "at": list(_lines(error.__traceback__))[-MAX_FRAMES:],
    }
    code = getattr(error, "pgcode", None)
    if isinstance(code, str) and _SQLSTATE.fullmatch(code):
        link["sqlstate"] = code
    if isinstance(error, OSError) and error.errno is not None:
        link["errno"] = errno.errorcode.get(error.errno, str(error.errno))
    return link


def _lines(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield f"{_short(code.co_filename)}:{trace.tb_lineno} {code.co_name}"
        trace = trace.tb_next


@lru_cache(maxsize=2_000)
def _short(filename: str) -> str:
    return min((filename.removeprefix(root) for root in _ROOTS), key=len, default=filename)


# --- Our own lines: structlog ---------------------------------------------------------------------
def allow_list(logger: Any, method: str, event: Event) -> Event:
    """Keep the allowed keys with valid values; replace ``schema`` by the tenant's pseudonym."""
    name = event.pop("event", "")
    kept: Event = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": event.pop("level", method),
        "event": name if isinstance(name, str) and _EVENT.fullmatch(name) else WITHHELD,
        "logger": getattr(logger, "name", "app"),
    }
    if "schema" in event:
        kept["tenant"] = tenant_mark(str(event["schema"]))
    for key, value in event.items():
        if key in SHAPES and value is not None:
            kept[key] = value if SHAPES[key](value) else WITHHELD
    error = _error_of(event.get("exc_info"))
    if error is not None:
        kept["exception"] = describe(error)
    return kept


def _error_of(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def render(logger: Any, method: str, event: Event) -> str:
    """Return the event as one line of JSON."""
    return json.dumps(event, ensure_ascii=True, separators=(",", ":"), default=lambda _: WITHHELD)


class Sink:
    """A logger that writes to the present ``sys.stderr``, which workers replace after the start."""

    _lock = threading.Lock()

    def __init__(self, *names: str) -> None:
        self.name = names[0] if names else "app"

    def write(self, line: str) -> None:
        """Write and flush one line."""
        with self._lock:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg = write


# --- Lines of libraries: the standard library's logging ---------------------------------------
class JsonHandler(logging.Handler):
    """Converts records of the standard library's logging into JSON lines."""

    def __init__(self) -> None:
        super().__init__()
        self.sink = Sink()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, without its arguments."""
        try:
            self.sink.write(render(None, "", _of_record(record)))
        except Exception:  # noqa: BLE001  # a failing log line must not fail the caller
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Report a lost line; the library's own version prints the message and its arguments."""
        self.sink.write('{"level":"error","event":"log_line_lost"}')


def _of_record(record: logging.LogRecord) -> Event:
    line: Event = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "event": _literal(record),
        "logger": record.name,
        "at": f"{_short(record.pathname)}:{record.lineno}",
        **structlog.contextvars.get_contextvars(),
    }
    if record.exc_info and record.exc_info[1] is not None:
        line["exception"] = describe(record.exc_info[1])
    return line


def _literal(record: logging.LogRecord) -> str:
    """Return the message when it is a literal of the calling code, else ``withheld``; never its arguments."""
    message = record.msg
    if not isinstance(message, str):
        return WITHHELD
    frame = inspect.currentframe()
    while frame is not None:
        if _holds(frame.f_code, message):
            return message
        frame = frame.f_back
    return WITHHELD


def _holds(code: CodeType, message: str) -> bool:
    return message in code.co_consts


# --- The security log ----------------------------------------------------------------------
_security = structlog.get_logger("security")


def security_event(event: str, *, address: str, **fields: object) -> None:
    """Log a failed login or an unknown host with the client's network, and to SECURITY_LOG with its address.

    fail2ban reads the file SECURITY_LOG (mode 0600, kept for 12 months); without it the full address is not
    logged. A file that cannot be written is reported here and ends no request.
    """
    network = network_of(address, ipv6_prefix=LOGGED_IPV6_PREFIX)
    _security.warning(event, network=network, **fields)
    path = os.environ.get("SECURITY_LOG", "")
    if not path:
        return
    line = allow_list(Sink("security"), "warning", {"event": event, **fields})
    line["address"] = address if network else None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(render(None, "", line) + "\n")
    except OSError as error:
        _security.error("security_log_failed", error=type(error).__name__)


# --- Set-up ---------------------------------------------------------------------------------------
def configure(options: Mapping[str, Any]) -> None:
    """Route all logging through this module: called by Django with settings.LOGGING, by gunicorn before it.

    ``level`` is the level of the application's loggers. ``hooks`` also handles uncaught exceptions, whose text
    would otherwise reach the journal.
    """
    level = str(options.get("level", "INFO")).upper()
    _replace_handlers(level)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            allow_list,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=Sink,
        cache_logger_on_first_use=True,
    )
    if options.get("hooks") and not sys.stderr.isatty():
        sys.excepthook = _uncaught
        threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, None)
        sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, None)


def _replace_handlers(level: str) -> None:
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for logger in [logging.root, *known]:
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.propagate = True
    logging.root.addHandler(JsonHandler())
    logging.root.setLevel(logging.WARNING)
    for name in (*OURS, "gunicorn.error", "dramatiq"):
        logging.getLogger(name).setLevel(level)
    # RequestLog writes a line per request with its status; Django's record is useful for an exception only.
    logging.getLogger("django.request").addFilter(_has_exception)
    logging.captureWarnings(capture=True)


def _has_exception(record: logging.LogRecord) -> bool:
    return record.exc_info is not None


def _uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    structlog.get_logger("process").critical("uncaught", error=kind.__name__, exc_info=error)
