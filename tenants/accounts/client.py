"""The address of the client: the one place that knows how many proxies stand in front."""

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """Return the client's address: REMOTE_ADDR, or what the trusted proxies wrote.

    Behind a Unix socket REMOTE_ADDR is empty; each trusted proxy appends one address, so the client's
    is counted from the right and what the client wrote itself is never read.
    """
    proxies: int = settings.TRUSTED_PROXIES
    if proxies:
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(chain) >= proxies and chain[-proxies]:
            return chain[-proxies]
    return str(request.META.get("REMOTE_ADDR") or "127.0.0.1")
