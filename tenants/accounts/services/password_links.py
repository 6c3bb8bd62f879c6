"""Links to a new password, requested by address: the same statements for a known and an unknown address (S-04)."""

from datetime import datetime, timedelta

from django.utils.crypto import salted_hmac

from tenants.accounts import kinds
from tenants.accounts.models import User
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import once_a_minute, subject_by_key, write
from tenants.schema import current_schema

MOST_A_DAY = 10
"""Links that leave for one account within 24 hours, whoever requests them."""
_STAND_INS = 4_096


def request_link(*, email: str, is_allowed: bool, now: datetime) -> None:
    """Write the outbox entry of a password link for the account of an address.

    For an unknown address the entry has the key of no account and the handler ends it as not sent, so that the
    work of the request tells nothing. ``is_allowed`` is the answer of ``network_tries``. Past a limit nothing is
    written.
    """
    known = User.objects.filter(email=email, is_active=True).values_list("pk", flat=True).first()
    subject = subject_by_key(User, known if known is not None else _stand_in(email))
    sent = OutboxEntry.objects.filter(
        kind=kinds.PASSWORD_RESET, subject_id=subject.id, created_at__gt=now - timedelta(days=1)
    ).count()
    if is_allowed and sent < MOST_A_DAY:
        write(due=[once_a_minute(kinds.PASSWORD_RESET, subject, now=now)], now=now)


def _stand_in(email: str) -> int:
    """Return a negative key, shared by many addresses: it identifies none, and is limited as an account is."""
    salt = f"tenants.accounts.password_links|{current_schema()}"
    digest = salted_hmac(salt, email, algorithm="sha256").digest()
    return -1 - int.from_bytes(digest[:4]) % _STAND_INS
