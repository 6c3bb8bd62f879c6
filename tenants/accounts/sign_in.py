"""Signs in a user who has just accepted an invitation and chosen a password."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.http import HttpRequest, HttpResponse

from tenants.accounts.models import User


def enter(request: HttpRequest, user: User, *, then: str) -> HttpResponse:
    """Open the session as allauth does after a password and redirect to ``then``."""
    record_authentication(request, user, method="password", email=user.email)
    answer: HttpResponse = perform_login(request, user, redirect_url=then)
    return answer
