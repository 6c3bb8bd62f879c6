"""Signing in somebody who has just proved who they are by the link of an invitation and a new password."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.http import HttpRequest, HttpResponse

from tenants.accounts.models import User


def enter(request: HttpRequest, user: User, *, then: str) -> HttpResponse:
    """Open the session as allauth does after a password, and lead to ``then``: nothing is asked twice."""
    record_authentication(request, user, method="password", email=user.email)
    answer: HttpResponse = perform_login(request, user, redirect_url=then)
    return answer
