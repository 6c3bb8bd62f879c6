"""Encrypts backup files with AES-256-GCM while they are written, one chunk in memory. Imports no Django.

A file is a header with a salt, then chunks of length and ciphertext. The nonce is the chunk's number and
the associated data marks the last chunk: a cut, reordered or spliced file does not open.
"""

import base64
import binascii
import hmac
import os
import struct
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"LRDVBAK1"
KEY_BYTES = 32
SALT_BYTES = 16
CHUNK_BYTES = 1 << 20
_LENGTH = struct.Struct(">I")
_TAG_BYTES = 16


class BadBackup(Exception):
    """The file is no sealed backup, is damaged or cut, or was sealed by another key."""


def parse_key(text: str) -> bytes:
    """Return the key of LIBRDV_BACKUP_KEY, of any length; b"?" for a text that is not base64.

    A system check refuses a key that is not ``KEY_BYTES`` long, without a traceback that could show it.
    """
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b"?"


def seal(*, source: IO[bytes], target: IO[bytes], key: bytes) -> None:
    """Copy ``source`` to ``target``, encrypted under a key derived for this file."""
    salt = os.urandom(SALT_BYTES)
    cipher = _cipher(key, salt)
    target.write(MAGIC + salt)
    number, chunk = 0, source.read(CHUNK_BYTES)
    while True:
        following = source.read(CHUNK_BYTES) if chunk else b""
        sealed = cipher.encrypt(_nonce(number), chunk, _associated(is_last=not following))
        target.write(_LENGTH.pack(len(sealed)) + sealed)
        if not following:
            return
        number, chunk = number + 1, following


def opened(source: IO[bytes], *, key: bytes) -> Iterator[bytes]:
    """Yield the plaintext chunk by chunk. Raises BadBackup at the first invalid chunk."""
    header = source.read(len(MAGIC) + SALT_BYTES)
    if not header.startswith(MAGIC) or len(header) != len(MAGIC) + SALT_BYTES:
        raise BadBackup("not a sealed backup")
    cipher = _cipher(key, header[len(MAGIC) :])
    number, sealed = 0, _read_chunk(source)
    while sealed:
        following = _read_chunk(source)
        yield _open(cipher, number, sealed, is_last=not following)
        number, sealed = number + 1, following
    if number == 0:
        raise BadBackup("an empty backup")


def mac(data: bytes, *, key: bytes) -> str:
    """Return HMAC-SHA256 of the data in hexadecimal, under a key derived for manifests."""
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"lib-rdv|backup manifest")
    return hmac.digest(hkdf.derive(key), data, "sha256").hex()


def is_sealed(source: IO[bytes]) -> bool:
    """Return whether the file starts with the header of a sealed one; restores the position."""
    start = source.tell()
    found = source.read(len(MAGIC)) == MAGIC
    source.seek(start)
    return found


def _open(cipher: AESGCM, number: int, sealed: bytes, *, is_last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number), sealed, _associated(is_last=is_last))
    except InvalidTag:
        raise BadBackup("damaged, cut, or sealed by another key") from None


def _read_chunk(source: IO[bytes]) -> bytes:
    head = source.read(_LENGTH.size)
    if not head:
        return b""
    if len(head) != _LENGTH.size:
        raise BadBackup("cut short")
    (length,) = _LENGTH.unpack(head)
    sealed = source.read(length) if _TAG_BYTES <= length <= CHUNK_BYTES + _TAG_BYTES else b""
    if len(sealed) != length:
        raise BadBackup("cut short")
    return sealed


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"lib-rdv|backup")
    return AESGCM(hkdf.derive(key))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _associated(*, is_last: bool) -> bytes:
    return b"last" if is_last else b"more"
