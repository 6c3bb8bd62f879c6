"""Signing in: after an invitation, and the ways by which a session was opened or confirmed."""

from allauth.account.internal.flows.login import (
    get_authentication_records,
    record_authentication,
)
from allauth.account.utils import perform_login
from django.http import HttpRequest, HttpResponse

from tenants.accounts.models import User


def enter(request: HttpRequest, user: User, *, then: str) -> HttpResponse:
    """Open the session as allauth does after a password and redirect to ``then``."""
    record_authentication(request, user, method="password", email=user.email)
    answer: HttpResponse = perform_login(request, user, redirect_url=then)
    return answer


def ways_of(request: HttpRequest, user: User) -> str:
    """Return the ways in which the user of the session has proved an identity, for the log: ``password.totp``."""
    records = get_authentication_records(request, user)
    return ".".join(str(record.get("type") or record["method"]) for record in records)
