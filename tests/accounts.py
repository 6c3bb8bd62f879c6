"""Fictitious accounts for tests: members of a practice and lib-rdv's staff."""

import base64
import time
from datetime import UTC, date, datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from tenants.accounts.models import Membership, Role, User
from tenants.accounts.services.memberships import give_role
from tenants.edit_form import VERSION
from tests.page_forms import shown_values

PASSWORD = "Galet-dune-marée-47"
SECRET = base64.b32encode(b"twenty fictive bytes").decode()
CREATED_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


def make_user(email: str = "maite@example.org", **fields: Any) -> User:
    """Return an account with a verified address."""
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def make_member(
    role: Role = Role.OWNER,
    email: str | None = None,
    *,
    from_on: date | None = None,
    until_on: date | None = None,
    entrusted: Any = (),
) -> User:
    """Return an account with a role."""
    user = make_user(email or f"{role}@example.org")
    if role is Role.REPLACEMENT and from_on is None:
        from_on, until_on = date(2000, 1, 1), date(2100, 1, 1)
    give_role(
        user=user,
        role=role,
        from_on=from_on,
        until_on=until_on,
        practitioner_refs=entrusted,
        actor="system",
        now=CREATED_AT,
    )
    return user


def memberships_of(user: User) -> list[Membership]:
    """Return the memberships of a user."""
    return list(Membership.objects.filter(user=user))


def add_totp(user: User) -> None:
    """Activate a TOTP factor with a known secret."""
    TOTP.activate(user, SECRET)


def totp_code(at: float | None = None) -> str:
    """Return the TOTP code at ``at``, in seconds since the epoch; now by default."""
    counter = int((time.time() if at is None else at) // 30)
    return str(format_hotp_value(hotp_value(SECRET, counter)))


class PersistentClient(Client):
    """A client that presses again when an editor answers that it was sent without the version of its page.

    Tests of a field need not open its page first. One that is about versions sends the field, also empty.
    """

    def post(self, path: Any, data: Any = None, *arguments: Any, **options: Any) -> Any:
        """Send a form; send it again with the version of the answer when the first one lacked it."""
        answer = super().post(path, data, *arguments, **options)
        known = data if isinstance(data, dict) else {}
        if answer.status_code != 409 or any(name.endswith(VERSION) for name in known):
            return answer
        shown = shown_values(answer.text)
        versions = {name: value for name, value in shown.items() if name.endswith(VERSION)}
        if not versions:
            return answer
        for value in known.values():
            if hasattr(value, "seek"):
                value.seek(0)
        return super().post(path, {**known, **versions}, *arguments, **options)


def browser(host: str, user: User | None = None, *, ip: str = "198.51.100.7") -> Client:
    """Return a test client for a host, signed in when a user is given."""
    client = PersistentClient(headers={"host": host}, REMOTE_ADDR=ip)
    client.defaults["wsgi.url_scheme"] = "https"
    if user is not None:
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def sign_in(client: Client, email: str, password: str = PASSWORD) -> Any:
    """Post the sign-in form."""
    return client.post("/connexion/", {"login": email, "password": password})
