"""The signed token of an anonymous form: which form, since when, of which tenant and for what.

It stands where a cookie would: no cookie, nothing stored. Its ``ref`` is the idempotency key of what
the form does, so that a replay within the window changes nothing more.
"""

import base64
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core import signing

from tenants.refs import new_ref

MIN_AGE = timedelta(seconds=3)
"""Nobody reads, fills and sends a form faster (B-09)."""
MAX_AGE = timedelta(hours=4)
"""The replay window: a page left open longer is shown again, with what was typed."""


class FormTokenError(ValueError):
    """Base class of what can be wrong with a token."""


class Forged(FormTokenError):  # named after what happened
    """Absent, altered, or made by another tenant or for another form."""


@dataclass
class Expired(FormTokenError):
    """Older than the replay window; ``token`` is otherwise good."""

    token: "FormToken"


@dataclass
class TooFast(FormTokenError):
    """Sent back sooner than a person can."""

    token: "FormToken"


@dataclass(frozen=True)
class FormToken:
    """One form of one page: ``ref`` is random, ``issued_at`` is to the second."""

    ref: uuid.UUID
    issued_at: datetime


def issue(*, schema: str, purpose: str, now: datetime, ref: uuid.UUID | None = None) -> str:
    """Return the token of a new form, or of the next page of the form ``ref``."""
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
    """Return what the token says. Raises Forged, Expired or TooFast."""
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
    # The tenant is in the salt: a token made by one practice is noise for another.
    return signing.Signer(salt=f"booking.form|{schema}|{purpose}", sep=".")
