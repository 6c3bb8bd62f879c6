"""The plain application of the bench ``request``: one site, no host lookup, no role, no search path."""

import os
from collections.abc import Callable
from typing import Any

import django
from django.core.wsgi import get_wsgi_application
from django.db.backends.postgresql.base import DatabaseWrapper
from django.http import HttpRequest, HttpResponseBase

django.setup()

from tenants.routing import Route  # noqa: E402  # its models need the apps
from tenants.schema import tenant_unit  # noqa: E402

_UNIT = tenant_unit(os.environ.get("PLAIN_SCHEMA", "t_x"))


class OneSite:
    """What stands in UnitOfWork's place: every request is for the one site."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.route = Route(
            unit=_UNIT, state="live", is_custom=False, primary_host="", schema_version=""
        )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request; ATOMIC_REQUESTS opens the transaction around the view."""
        request.route = self.route  # type: ignore[attr-defined]
        request.failed_logins = []  # type: ignore[attr-defined]
        return self.get_response(request)


# The views ask in which unit they are; here that is a constant, and costs as much as there.
_constants: dict[str, Any] = {"unit": _UNIT, "schema_name": _UNIT.schema, "may_switch": False}
for _name, _value in _constants.items():
    setattr(DatabaseWrapper, _name, _value)

application = get_wsgi_application()
