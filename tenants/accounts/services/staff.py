"""Accounts of lib-rdv's staff: opened by a link, closed in one step (S-30). Runs inside the public unit."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from tenants.accounts import kinds
from tenants.accounts.models import User
from tenants.accounts.services.second_factors import delete_factors
from tenants.audit.services import SYSTEM, record
from tenants.keyring.services import ensure_tenant_key
from tenants.outbox.services import once_a_minute, subject_of, write


def open_account(*, email: str, name: str, now: datetime) -> User:
    """Create a staff account, or reopen a closed one, and send a link to choose a password.

    The staff pages require a second factor; closing an account deletes its factors.
    """
    ensure_tenant_key(now=now)
    email = email.strip().lower()
    user = User.objects.filter(email=email).first() or User.objects.create_user(email)
    user.name, user.is_staff, user.is_active = name or user.name, True, True
    user.save(update_fields=["name", "is_staff", "is_active"])
    EmailAddress.objects.update_or_create(
        user=user, email=email, defaults={"verified": True, "primary": True}
    )
    write(due=[once_a_minute(kinds.PASSWORD_RESET, subject_of(user), now=now)], now=now)
    record(verb="staff.opened", ref=user.ref, actor=SYSTEM, now=now)
    return user


def close_account(*, email: str, now: datetime) -> bool:
    """Close a staff account: end its password, second factors and sessions; return False for an unknown one."""
    user = User.objects.filter(email=email.strip().lower(), is_staff=True).first()
    if user is None:
        return False
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "is_staff", "is_superuser", "password"])
    delete_factors(user=user)
    for session in Session.objects.all():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
    record(verb="staff.closed", ref=user.ref, actor=SYSTEM, now=now)
    return True
