"""The signed token of an anonymous form: its reference, its time, its tenant and its purpose.

It replaces a cookie, and nothing is stored. Its ``ref`` is the idempotency key of the form: sending the form
again within the window changes nothing.
"""

import base64
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core import signing

from tenants.refs import new_ref

MIN_AGE = timedelta(seconds=3)
"""The shortest time in which a person can fill and send a form (B-09)."""
MAX_AGE = timedelta(hours=4)
"""The window in which a form can be sent; after it the page is shown again with the typed values."""


class FormTokenError(ValueError):
    """Base class of the errors of a token."""


class Forged(FormTokenError):  # named after what happened
    """The token is absent, altered, of another tenant or of another purpose."""


@dataclass
class Expired(FormTokenError):
    """The token is valid but older than ``MAX_AGE``."""

    token: "FormToken"


@dataclass
class TooFast(FormTokenError):
    """The token is valid but younger than the minimum age."""

    token: "FormToken"


@dataclass(frozen=True)
class FormToken:
    """The contents of a token: ``ref`` is random, ``issued_at`` is exact to the second."""

    ref: uuid.UUID
    issued_at: datetime


def issue(*, schema: str, purpose: str, now: datetime, ref: uuid.UUID | None = None) -> str:
    """Return the token of a new form, or of a further page of the form ``ref``."""
    packed = (ref or new_ref()).bytes + int(now.timestamp()).to_bytes(5, "big")
    value = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    return _signer(schema, purpose).sign(value)


def read(
    value: str,
    *,
    schema: str,
    purpose: str,
    now: datetime,
    min_age: timedelta = MIN_AGE,
) -> FormToken:
    """Return the contents of a token. Raises Forged, Expired or TooFast."""
    try:
        packed = base64.urlsafe_b64decode(_signer(schema, purpose).unsign(value) + "==")
        ref = uuid.UUID(bytes=packed[:16])
        issued_at = datetime.fromtimestamp(int.from_bytes(packed[16:21], "big"), tz=UTC)
    except (signing.BadSignature, ValueError) as error:
        raise Forged from error
    token = FormToken(ref=ref, issued_at=issued_at)
    age = now - issued_at
    if age > MAX_AGE or age < timedelta(seconds=-1):
        raise Expired(token)
    if age < min_age:
        raise TooFast(token)
    return token


def _signer(schema: str, purpose: str) -> signing.Signer:
    # The salt holds the tenant: the token of one practice is invalid for another.
    return signing.Signer(salt=f"booking.form|{schema}|{purpose}", sep=".")
