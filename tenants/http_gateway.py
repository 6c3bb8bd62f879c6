"""The egress gateway for HTTP: known origins, no redirect, public addresses, never inside a unit of work.

`settings.OUTBOUND` names each service with its base address. No other origin can be reached, and no address
typed by a person is fetched. In production an origin is https and its peer a public address, checked on the
connected socket, which defeats DNS rebinding. A local run (demo, tests) reaches loopback only, where the
fake servers listen; a demonstration with a Google client id also reaches Google's own hosts.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tenants.schema import current_unit

CONNECT_SECONDS, READ_SECONDS = 3.05, 10.0
GOOGLE_HOSTS = ("www.googleapis.com", "oauth2.googleapis.com", "accounts.google.com")


class OutboundRefusedError(Exception):
    """The gateway forbids this call; the message is a code without address or content."""


def session(service: str) -> GatewaySession:
    """Return a session bound to the origin of one service of `settings.OUTBOUND`."""
    return GatewaySession(base_address(service))


def base_address(service: str) -> str:
    """Return the base address of a service, with a final slash. Raises KeyError for an undeclared one."""
    address: str = settings.OUTBOUND[service]
    return address if address.endswith("/") else f"{address}/"


def refuse_inside_a_unit() -> None:
    """Raise OutboundRefusedError when a unit of work is open: its transaction would wait for the service."""
    if current_unit() is not None:
        raise OutboundRefusedError("inside_a_unit_of_work")


def is_allowed_address(address: str, *, is_external: bool = False) -> bool:
    """Return whether a peer may be connected to: loopback in a local run, a public address in production.

    ``is_external``: a local run with a connection to Google itself (see ``is_real_google``).
    """
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    peer = mapped or found
    if settings.IS_LOCAL and not is_external:
        return bool(peer.is_loopback)
    return bool(peer.is_global and not peer.is_multicast)


def is_real_google(base: str) -> bool:
    """Return whether a demonstration's base address is one of Google's own hosts."""
    parts = urlsplit(base)
    return settings.DEMO and parts.scheme == "https" and parts.hostname in GOOGLE_HOSTS


def refusals_of_settings() -> list[str]:
    """Return the reasons why production must not start with these base addresses; [] when there is none."""
    if settings.IS_LOCAL:
        return []
    found = []
    addresses = {**settings.OUTBOUND, "google_consent": settings.GOOGLE_CONSENT_URL}
    for service, address in addresses.items():
        parts = urlsplit(address)
        if parts.scheme != "https" or not _is_public_name(parts.hostname or ""):
            found.append(f"{service}: the address of an external service is https and public")
        elif service.startswith("google_") and parts.hostname not in GOOGLE_HOSTS:
            found.append(f"{service}: this is not one of Google's hosts")
    if not settings.MAIL_RELAY_IS_LOCAL and not _is_public_name(settings.EMAIL_HOST):
        found.append("mail: the relay is on this machine, as a fake would be (MAIL_RELAY_IS_LOCAL)")
    return found


def _is_public_name(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host).is_global)
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal", ".test"))


class GatewaySession(requests.Session):
    """A session for one origin that follows no redirect."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._origin = _origin(urlsplit(base))
        # Do not take proxies or credentials from the environment.
        self.trust_env = False
        self.mount("https://", _ExternalAdapter() if is_real_google(base) else _CheckedAdapter())
        self.mount("http://", _CheckedAdapter())

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request after the checks. Raises OutboundRefusedError with the code of the broken rule.

        Timeouts are in seconds: connect 3.05, read 10, unless the caller sets them.
        """
        refuse_inside_a_unit()
        parts = urlsplit(request.url or "")
        if _origin(parts) != self._origin or parts.username is not None:
            raise OutboundRefusedError("origin")
        if parts.scheme != "https" and not settings.IS_LOCAL:
            raise OutboundRefusedError("not_https")
        options["allow_redirects"] = False
        options["timeout"] = options.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        response = super().send(request, **options)
        if response.is_redirect:
            response.close()
            raise OutboundRefusedError("redirect")
        return response


def _origin(parts: SplitResult | Any) -> tuple[str, str, int]:
    return (
        parts.scheme,
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
    )


def _checked(peer: socket.socket, *, is_external: bool = False) -> socket.socket:
    if not is_allowed_address(peer.getpeername()[0], is_external=is_external):
        peer.close()
        raise OutboundRefusedError("address")
    return peer


class _CheckedHTTP(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _CheckedHTTPS(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _CheckedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPS


class _CheckedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _ExternalHTTPS(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), is_external=True)


class _ExternalPool(HTTPSConnectionPool):
    ConnectionCls = _ExternalHTTPS


class _ExternalAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"https": _ExternalPool}
