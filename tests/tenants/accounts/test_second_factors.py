"""Lost second factors: ended with the access, or removed by lib-rdv after a call, and never by a password link."""

from datetime import UTC, datetime

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.management import CommandError, call_command

from tenants.accounts import kinds
from tenants.accounts.models import Role
from tenants.accounts.services.memberships import revoke
from tenants.accounts.services.second_factors import remove_lost_factors
from tenants.audit.models import AuditEvent
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.accounts import add_totp, browser, make_member, memberships_of, sign_in

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty_cache(services: object) -> None:
    cache.clear()


def test_closing_the_last_access_ends_its_factors(tenant: Unit) -> None:
    """Who is invited again after a loss must not be asked for the lost code."""
    make_member(Role.OWNER)
    colleague = make_member(Role.PRACTITIONER)
    add_totp(colleague)

    revoke(membership=memberships_of(colleague)[0], actor="system", on=NOW.date(), now=NOW)

    assert not Authenticator.objects.filter(user=colleague).exists()


def test_a_remaining_role_keeps_the_factors(tenant: Unit) -> None:
    make_member(Role.OWNER)
    colleague = make_member(Role.PRACTITIONER)
    add_totp(colleague)
    other = memberships_of(colleague)[0]
    other.pk, other.ref, other.role = None, colleague.ref, Role.SECRETARY
    other.save(force_insert=True)

    revoke(membership=memberships_of(colleague)[0], actor="system", on=NOW.date(), now=NOW)

    assert Authenticator.objects.filter(user=colleague).exists()


def test_removed_factors_leave_the_password_and_end_the_sessions(tenant: Unit, host: str) -> None:
    user = make_member()
    add_totp(user)
    before = browser(host, user)
    assert before.get("/espace/").status_code == 200

    assert remove_lost_factors(email="OWNER@example.org ", now=NOW)

    assert before.get("/espace/").status_code == 302
    assert sign_in(browser(host), user.email, "Autre-mot-de-passe-9").status_code == 200
    assert sign_in(browser(host), user.email)["Location"] == "/espace/"
    assert OutboxEntry.objects.filter(kind=kinds.MFA_REMOVED).count() == 1
    event = AuditEvent.objects.get(verb="factors.removed")
    assert (event.ref, event.actor) == (user.ref, "system")


@pytest.mark.parametrize(
    "email", ["nobody@example.org", "closed@example.org", "without@example.org"]
)
def test_an_account_without_factors_or_a_closed_one_is_an_error(tenant: Unit, email: str) -> None:
    make_member(Role.OWNER, "without@example.org")
    closed = make_member(Role.SECRETARY, "closed@example.org")
    add_totp(closed)
    closed.is_active = False
    closed.save(update_fields=["is_active"])

    with pytest.raises(CommandError):
        call_command("remove_factors", email)

    assert not AuditEvent.objects.filter(verb="factors.removed").exists()
    assert not OutboxEntry.objects.filter(kind=kinds.MFA_REMOVED).exists()
