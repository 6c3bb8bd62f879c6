"""The codes of the second step: each works once within its whole validity, and wrong ones are limited.

Both are kept in the rows of the factors (``Authenticator.data``), so that they hold without Redis. The rows of an
account are locked while a code is judged: of concurrent requests with one code only one succeeds.
"""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.db import transaction

from tenants.accounts.models import User

PERIOD_SECONDS = 30
MOST_FAILURES = 5
FAILURES_WITHIN = timedelta(minutes=15)
_LAST_COUNTER, _FAILED_AT = "last_counter", "failed_at"


class TooManyCodesError(Exception):
    """Five codes of the account were wrong within a quarter of an hour; ``seconds`` until one is judged again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@transaction.atomic
def use_code(*, user: User, code: str, now: datetime) -> Authenticator | None:
    """Return the factor whose code it is, which it uses up, or None for a wrong code, which it counts.

    A TOTP code is valid for 30 s, and 30 s before and after. A used one, and all codes of earlier periods, are
    wrong from then on. Raises TooManyCodesError.
    """
    factors = list(
        Authenticator.objects.select_for_update()
        .filter(user=user)
        .exclude(type=Authenticator.Type.WEBAUTHN)
        .order_by("pk")
    )
    if not factors:
        return None
    failed_at = _recent_failures(factors[0], now=now)
    if len(failed_at) >= MOST_FAILURES:
        until = failed_at[-MOST_FAILURES] + FAILURES_WITHIN.total_seconds()
        raise TooManyCodesError(math.ceil(until - now.timestamp()))
    used = next((factor for factor in factors if _use(factor, code, now=now)), None)
    # Judging a recovery code has written another copy of its row.
    factors[0].refresh_from_db(fields=["data"])
    factors[0].data[_FAILED_AT] = [] if used else [*failed_at, int(now.timestamp())]
    factors[0].save(update_fields=["data"])
    return used


def use_up_first_code(*, user: User, code: str, now: datetime) -> None:
    """Use up the code that has just activated the account's TOTP factor."""
    factor = (
        Authenticator.objects.select_for_update()
        .filter(user=user, type=Authenticator.Type.TOTP)
        .first()
    )
    if factor is not None:
        _use_totp(factor, code, now=now)


def _recent_failures(factor: Authenticator, *, now: datetime) -> list[int]:
    since = (now - FAILURES_WITHIN).timestamp()
    return [at for at in factor.data.get(_FAILED_AT, []) if at > since]


def _use(factor: Authenticator, code: str, *, now: datetime) -> bool:
    if factor.type == Authenticator.Type.TOTP:
        return _use_totp(factor, code, now=now)
    return bool(factor.wrap().validate_code(code))


def _use_totp(factor: Authenticator, code: str, *, now: datetime) -> bool:
    secret = decrypt(factor.data["secret"])
    last = factor.data.get(_LAST_COUNTER, -1)
    for counter in _valid_counters(now):
        expected = format_hotp_value(hotp_value(secret, counter))
        if counter > last and compare_user_code(actual=code, expected=expected):
            factor.data[_LAST_COUNTER] = counter
            factor.save(update_fields=["data"])
            return True
    return False


def _valid_counters(now: datetime) -> Iterator[int]:
    present, tolerance = int(now.timestamp()) // PERIOD_SECONDS, settings.MFA_TOTP_TOLERANCE
    yield from range(present - tolerance, present + tolerance + 1)
