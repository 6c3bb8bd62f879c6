"""The command for staff accounts, and the deletion of expired sign-in data."""

from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from tenants.accounts.emails import PasswordResetEmail
from tenants.accounts.kinds import PASSWORD_RESET
from tenants.accounts.models import Invitation, Role, User
from tenants.accounts.services.cleanup import (
    delete_failures,
    delete_invitations,
    delete_sessions,
)
from tenants.accounts.services.invitations import Invited, invite
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import PUBLIC, Unit
from tests.accounts import add_totp, browser, make_user

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


def test_opening_a_staff_account_sends_a_link_and_no_password(public: Unit) -> None:
    call_command("staff", "open", "Iban@Example.org", name="Iban Fictif")

    user = User.objects.get(email="iban@example.org")
    assert user.is_staff
    assert not user.has_usable_password()
    assert OutboxEntry.objects.get(kind="account.password_reset").subject_id == user.pk


@pytest.mark.parametrize(
    ("has_password", "subject"), [(False, "account_opened"), (True, "account_password_reset")]
)
def test_a_new_colleague_reads_that_an_account_was_opened(
    public: Unit, has_password: bool, subject: str
) -> None:
    """Somebody who never had a password has not asked for another one."""
    call_command("staff", "open", "iban@example.org")
    user = User.objects.get(email="iban@example.org")
    if has_password:
        user.set_password("correct horse battery staple")
        user.save(update_fields=["password"])
    entry = OutboxEntry.objects.get(kind=PASSWORD_RESET)

    deliver = PasswordResetEmail().prepare(entry, NO_PAYLOAD, unit=PUBLIC, now=entry.created_at)

    assert callable(deliver)
    assert deliver.args[0].template == subject  # type: ignore[attr-defined]


def test_closing_a_staff_account_ends_everything_at_once(public: Unit, public_host: str) -> None:
    user = make_user("iban@example.org", is_staff=True)
    add_totp(user)
    client = browser(public_host, user)
    assert client.get("/bureau/").status_code == 200

    call_command("staff", "close", "iban@example.org")

    user.refresh_from_db()
    assert client.get("/bureau/").status_code == 302
    assert not (user.is_active)
    assert not (user.is_staff)
    assert not (user.has_usable_password())
    assert not Session.objects.exists()


def test_closing_an_unknown_account_is_an_error(public: Unit) -> None:
    with pytest.raises(CommandError):
        call_command("staff", "close", "personne@example.org")


def test_failures_are_deleted_after_a_day(tenant: Unit) -> None:
    for hours in (23, 25):
        attempt = AccessAttempt.objects.create(
            username="a@example.org",
            ip_address="198.51.100.7",
            user_agent=str(hours),
            failures_since_start=1,
        )
        AccessAttempt.objects.filter(pk=attempt.pk).update(
            attempt_time=NOW - timedelta(hours=hours)
        )

    delete_failures(now=NOW, limit=500)

    assert list(AccessAttempt.objects.values_list("user_agent", flat=True)) == ["23"]


def test_expired_sessions_are_deleted(tenant: Unit) -> None:
    for hours in (-1, 1):
        Session.objects.create(
            session_key=str(hours), session_data="", expire_date=NOW + timedelta(hours=hours)
        )

    delete_sessions(now=NOW, limit=500)

    assert list(Session.objects.values_list("session_key", flat=True)) == ["1"]


def test_invitations_are_deleted_thirty_days_after_their_end(tenant: Unit) -> None:
    invited = Invited(email="nadia@example.org", role=Role.SECRETARY)
    for days in (36, 38):
        invite(invited=invited, invited_by=None, actor="system", now=NOW - timedelta(days=days))

    delete_invitations(now=NOW, limit=500)

    assert Invitation.objects.count() == 1
