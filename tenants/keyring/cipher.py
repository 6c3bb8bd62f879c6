"""AES-256-GCM as the keyring uses it: random nonce, ciphertext, tag. No Django, no database."""

import base64
import hashlib
import hmac
import os
import unicodedata
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenants.keyring.errors import UnreadableError

KEY_BYTES = 32
NONCE_BYTES = 12

Bytes = bytes | bytearray | memoryview


def place(schema: str, table: str) -> bytes:
    """Return the associated data that all rows of one table of one tenant begin with."""
    return f"{schema}|{table}|".encode()


def encrypt(key: AESGCM, data: Bytes, associated: bytes) -> bytes:
    """Return nonce, ciphertext and tag: 28 bytes longer than the data."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, data, associated)


def decrypt(key: AESGCM, sealed: Bytes, associated: bytes) -> bytes:
    """Return what was sealed, or raise UnreadableError, its cause not chained to it."""
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):
        raise UnreadableError("these bytes do not open here") from None


class TenantCipher:
    """The unwrapped key of one tenant: wraps its data keys and derives its other keys."""

    __slots__ = ("_derived", "_material", "key_place", "schema", "wrapper")

    def __init__(self, schema: str, material: bytes, *, key_table: str) -> None:
        self.schema = schema
        self.wrapper = AESGCM(material)
        self.key_place = place(schema, key_table)
        self._material = material
        self._derived: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"TenantCipher({self.schema!r})"

    def derived(self, purpose: str) -> bytes:
        """Return the key of one purpose (a constant of the code, never input): HKDF-SHA256."""
        known = self._derived.get(purpose)
        if known is None:
            info = f"lib-rdv|{self.schema}|{purpose}".encode()
            hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info)
            known = self._derived[purpose] = hkdf.derive(self._material)
        return known

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return HMAC-SHA256 of the message under the key of the purpose."""
        return hmac.digest(self.derived(purpose), message, "sha256")


def normalised(value: str) -> str:
    """Return the one spelling of an address that is looked up: NFC, lower case, trimmed."""
    return unicodedata.normalize("NFC", value.strip()).lower()


def link_token(cipher: TenantCipher, *, purpose: str, ref: UUID, generation: int, bits: int) -> str:
    """Return the same token for the same arguments; a new generation revokes the old link."""
    mac = cipher.mac(
        f"link|{purpose}", ref.bytes + generation.to_bytes(8, "big") + bits.to_bytes(2, "big")
    )
    return base64.urlsafe_b64encode(mac[: bits // 8]).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """Return what is kept of a token at rest: 32 bytes that do not give it back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
