"""Output of gunicorn itself: its log through the allow-list, and error responses that echo nothing."""

from typing import Any

from gunicorn import glogging, util

from config import logs

_HEAD = (
    "HTTP/1.1 {status} {reason}\r\n"
    "Connection: close\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: {length}\r\n"
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "\r\n"
)


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """Routes gunicorn's messages through the allow-list; RequestLog replaces the access log."""

    def setup(self, cfg: Any) -> None:
        """Set gunicorn's logging up, then replace its handlers."""
        super().setup(cfg)
        logs.configure({"level": cfg.loglevel})

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Log nothing: gunicorn's line would contain the path."""


def answer(status: int, reason: str, text: str) -> bytes:
    """Return a whole response without the application: ``text`` is its body, and it ends the connection."""
    body = text.encode()
    head = _HEAD.format(status=status, reason=reason, length=len(body))
    return head.encode("latin1") + body


def write_error(sock: Any, status: int, reason: str, message: str) -> None:
    """Respond to a malformed request; gunicorn's own response echoes parts of it."""
    util.write_nonblock(sock, answer(status, reason, reason))


def silence_errors() -> None:
    """Replace gunicorn's error response, for which it has no setting."""
    util.write_error = write_error
