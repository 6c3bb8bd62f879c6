"""The one gate for outbound HTTP: known origins, no redirect, public addresses, never in a page.

A service is named in `settings.OUTBOUND` with its base address; nothing else can be reached, and no
address typed by a person is ever fetched. In production an origin is https and its peer a public
address, checked on the connected socket so that a name resolved twice cannot cheat. A local run
(demo, tests) reaches the fake servers of its own machine and nothing else; but a demonstration that was
given an identifier of Google's reaches Google's own hosts, as production does.
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
    """Our own rules forbid this call; the message is a code without address or content."""


def session(service: str) -> GatedSession:
    """A session bound to the origin of one service of `settings.OUTBOUND`."""
    return GatedSession(base_address(service))


def base_address(service: str) -> str:
    """Base address of a service, with its final slash; KeyError for an undeclared one."""
    address: str = settings.OUTBOUND[service]
    return address if address.endswith("/") else f"{address}/"


def refuse_inside_a_unit() -> None:
    """Raise when a unit of work is open: a page or a transaction would wait for the outside."""
    if current_unit() is not None:
        raise OutboundRefusedError("inside_a_unit_of_work")


def is_allowed_address(address: str, *, is_outside: bool = False) -> bool:
    """Whether a peer may be talked to: loopback in a local run, a public address in production.

    ``is_outside``: a local run that means the real service, as ``is_real`` says.
    """
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    peer = mapped or found
    if settings.IS_LOCAL and not is_outside:
        return bool(peer.is_loopback)
    return bool(peer.is_global and not peer.is_multicast)


def is_real(base: str) -> bool:
    """Whether a demonstration was pointed at Google itself; nothing else outside may be meant there."""
    parts = urlsplit(base)
    return settings.DEMO and parts.scheme == "https" and parts.hostname in GOOGLE_HOSTS


def refusals_of_settings() -> list[str]:
    """Why production must not start with these base addresses: none when all is well."""
    if settings.IS_LOCAL:
        return []
    found = []
    addresses = {**settings.OUTBOUND, "google_consent": settings.GOOGLE_CONSENT_URL}
    for service, address in addresses.items():
        parts = urlsplit(address)
        if parts.scheme != "https" or not _is_public_name(parts.hostname or ""):
            found.append(f"{service}: the address of an outside service is https and public")
        elif service.startswith("google_") and parts.hostname not in GOOGLE_HOSTS:
            found.append(f"{service}: this is none of Google's own hosts")
    if not settings.MAIL_RELAY_IS_LOCAL and not _is_public_name(settings.EMAIL_HOST):
        found.append("mail: the relay is on this machine, as a fake would be (MAIL_RELAY_IS_LOCAL)")
    return found


def _is_public_name(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host).is_global)
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal", ".test"))


class GatedSession(requests.Session):
    """A session that reaches one origin and follows no redirect."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._origin = _origin(urlsplit(base))
        # Neither proxies nor passwords come from the environment.
        self.trust_env = False
        self.mount("https://", _OutsideAdapter() if is_real(base) else _CheckedAdapter())
        self.mount("http://", _CheckedAdapter())

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send after the checks that hold for every call, whoever made it."""
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


def _checked(peer: socket.socket, *, is_outside: bool = False) -> socket.socket:
    if not is_allowed_address(peer.getpeername()[0], is_outside=is_outside):
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


class _OutsideHTTPS(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), is_outside=True)


class _OutsidePool(HTTPSConnectionPool):
    ConnectionCls = _OutsideHTTPS


class _OutsideAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"https": _OutsidePool}
