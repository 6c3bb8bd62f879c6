"""What gunicorn itself says: its log goes our way, and its own error answers say and echo nothing."""

from typing import Any

from gunicorn import glogging, util

from config import logs

_ERROR = (
    "HTTP/1.1 {status} {reason}\r\n"
    "Connection: close\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: {length}\r\n"
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "\r\n{reason}"
)


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """Sends gunicorn's messages through our allow-list and keeps no access log: RequestLog has it."""

    def setup(self, cfg: Any) -> None:
        """Set gunicorn up, then take its handlers away."""
        super().setup(cfg)
        logs.configure({"level": cfg.loglevel})

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Log nothing: gunicorn's line would hold the path."""


def write_error(sock: Any, status: int, reason: str, message: str) -> None:
    """Answer a request that could not be read; gunicorn's own answer echoes it back."""
    text = _ERROR.format(status=status, reason=reason, length=len(reason))
    util.write_nonblock(sock, text.encode("latin1"))


def silence_errors() -> None:
    """Put our answer in the place of gunicorn's, which offers no setting for it."""
    util.write_error = write_error
