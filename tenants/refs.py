"""Random references: whatever shows in a URL, an .ics UID, a receipt or a ledger."""

import secrets
import uuid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ref() -> uuid.UUID:
    """Return 128 random bits in the shape of a UUID (no version bits: all of them are random)."""
    return uuid.UUID(bytes=secrets.token_bytes(16))


def spoken(ref: uuid.UUID) -> str:
    """Return six letters and digits to say on the phone, such as ``7KM-2PD`` (Crockford's alphabet)."""
    number = ref.int >> (128 - 30)
    letters = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(25, -1, -5))
    return f"{letters[:3]}-{letters[3:]}"
