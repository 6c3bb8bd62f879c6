"""The end of an account's second factors: with its access, and when they are lost."""

from datetime import datetime

from allauth.mfa.models import Authenticator

from tenants.accounts import kinds
from tenants.accounts.models import User
from tenants.accounts.services.sessions import close_all
from tenants.audit.services import SYSTEM, record
from tenants.outbox.services import once_a_minute, subject_of, write


def delete_factors(*, user: User) -> bool:
    """Delete the second factors and recovery codes of an account; return whether it had some."""
    return bool(Authenticator.objects.filter(user=user).delete()[0])


def remove_lost_factors(*, email: str, now: datetime) -> bool:
    """Delete the factors of the open account of an address, end its sessions and notify the address.

    The password is still needed. Returns False when no open account with a factor has this address.
    """
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None or not delete_factors(user=user):
        return False
    close_all(user=user, now=now)
    write(due=[once_a_minute(kinds.MFA_REMOVED, subject_of(user), now=now)], now=now)
    record(verb="factors.removed", ref=user.ref, actor=SYSTEM, now=now)
    return True
