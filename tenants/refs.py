"""Random references of rows, for URLs, iCalendar UIDs, receipts and the erasure ledger."""

import secrets
import uuid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ref() -> uuid.UUID:
    """Return a UUID of 128 random bits; it has no version bits."""
    return uuid.UUID(bytes=secrets.token_bytes(16))


def spoken_code(ref: uuid.UUID) -> str:
    """Return six characters of Crockford's alphabet to read out on the phone, such as ``7KM-2PD``."""
    number = ref.int >> (128 - 30)
    code = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(25, -1, -5))
    return f"{code[:3]}-{code[3:]}"
