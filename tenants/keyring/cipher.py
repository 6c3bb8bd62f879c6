"""AES-256-GCM for the keyring: random nonce, ciphertext, tag. Imports neither Django nor the database."""

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


def associated_prefix(schema: str, table: str) -> bytes:
    """Return the prefix of the associated data of all rows of one tenant's table; the row's ref follows."""
    return f"{schema}|{table}|".encode()


def encrypt(key: AESGCM, data: Bytes, associated: bytes) -> bytes:
    """Return nonce, ciphertext and tag, 28 bytes longer than the data."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, data, associated)


def decrypt(key: AESGCM, sealed: Bytes, associated: bytes) -> bytes:
    """Return the plaintext. Raises UnreadableError without its cause, which could carry the bytes."""
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):
        raise UnreadableError("these bytes do not open here") from None


class TenantCipher:
    """The unwrapped key of one tenant: wraps its data keys and derives keys by purpose."""

    __slots__ = ("_derived", "_material", "key_prefix", "schema", "wrapper")

    def __init__(self, schema: str, material: bytes, *, key_table: str) -> None:
        self.schema = schema
        self.wrapper = AESGCM(material)
        self.key_prefix = associated_prefix(schema, key_table)
        self._material = material
        self._derived: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"TenantCipher({self.schema!r})"

    def derived(self, purpose: str) -> bytes:
        """Return the HKDF-SHA256 key of one purpose; a purpose is a constant of the code, never input."""
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
    """Return the canonical form of a value for the blind index: NFC, lower case, without outer blanks."""
    return unicodedata.normalize("NFC", value.strip()).lower()


def link_token(cipher: TenantCipher, *, purpose: str, ref: UUID, generation: int, bits: int) -> str:
    """Return the token of a link, deterministic in its arguments; a new generation revokes the old link."""
    mac = cipher.mac(
        f"link|{purpose}", ref.bytes + generation.to_bytes(8, "big") + bits.to_bytes(2, "big")
    )
    return base64.urlsafe_b64encode(mac[: bits // 8]).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """Return SHA-256 of a token, 32 bytes: the only form in which a token is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
