"""A wrong password is recorded although the request fails and rolls back (design section 3)."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import browser, make_member, sign_in


def test_wrong_passwords_survive_an_error_of_the_site(
    committed_tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    unit: Unit = committed_tenant("fails")
    with inside(unit):
        make_member(Role.OWNER, "maite@example.org")
    client = browser("fails.lib-rdv.localhost")
    client.raise_request_exception = False

    def broken(self: Any, request: HttpRequest, response: Any = None) -> HttpResponse:
        return HttpResponse("panne", status=503)

    with monkeypatch.context() as patched:
        from allauth.account.views import LoginView

        patched.setattr(LoginView, "form_invalid", lambda self, form: broken(self, self.request))
        statuses = [
            sign_in(client, "maite@example.org", "Autre-mot-de-passe-9").status_code
            for _try in range(5)
        ]

    with inside(unit):
        kept = sum(AccessAttempt.objects.values_list("failures_since_start", flat=True))
    assert statuses[:4] == [503] * 4
    assert kept == 5
    assert sign_in(client, "maite@example.org").status_code == 429
