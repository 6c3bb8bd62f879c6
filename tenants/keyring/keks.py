"""Key-encryption keys (KEKs) that wrap the tenants' keys; they come from the environment or a file.

The database never holds a KEK. The settings call load(); only the keyring reads the result.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path

from tenants.keyring.cipher import KEY_BYTES
from tenants.keyring.errors import BadKekError

DEMO_KEK = ("demo", hashlib.sha256(b"lib-rdv demonstration: this key protects nothing").digest())
ID_CHARACTERS = 32


def parse(text: str) -> list[tuple[str, bytes]]:
    """Return the KEKs of a text of `id:base64` entries, separated by lines or commas, with `#` comments.

    The first KEK is the current one. Raises BadKekError.
    """
    keks = [_parse_entry(entry) for line in text.splitlines() for entry in _entries(line)]
    if len({kek_id for kek_id, _ in keks}) != len(keks):
        raise BadKekError("two KEKs have the same id")
    return keks


def load(environment: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Return the KEKs of LIBRDV_KEKS or of the file LIBRDV_KEKS_FILE; a system check refuses []."""
    if text := environment.get("LIBRDV_KEKS", ""):
        return parse(text)
    if path := environment.get("LIBRDV_KEKS_FILE", ""):
        return parse(Path(path).read_text("utf-8"))
    return []


def written(keks: list[tuple[str, bytes]]) -> str:
    """Return the KEKs as a text for parse()."""
    return ",".join(f"{kek_id}:{base64.b64encode(key).decode()}" for kek_id, key in keks)


def _entries(line: str) -> list[str]:
    return [entry.strip() for entry in line.partition("#")[0].split(",") if entry.strip()]


def _parse_entry(entry: str) -> tuple[str, bytes]:
    kek_id, separator, encoded = entry.partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise BadKekError("a KEK is not base64") from None
    if not separator or not kek_id or len(kek_id) > ID_CHARACTERS:
        raise BadKekError("a KEK is written id:base64, its id at most 32 characters")
    if len(key) != KEY_BYTES:
        raise BadKekError("a KEK is 32 bytes long")
    return kek_id, key
