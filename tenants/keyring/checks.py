"""System check of the KEKs: present, 32 bytes long, with unique ids, and in production not the demo's."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from tenants.keyring.cipher import KEY_BYTES
from tenants.keyring.keks import DEMO_KEK


def check_keks(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Return errors keyring.E001 to E004 for missing, short, duplicate or publicly known KEKs."""
    keks: list[tuple[str, bytes]] = getattr(settings, "KEKS", [])
    if not keks:
        hint = "Set LIBRDV_KEKS=id:base64 of 32 random bytes, or LIBRDV_KEKS_FILE."
        return [Error("No KEK: nothing could be sealed.", hint=hint, id="keyring.E001")]
    found: list[CheckMessage] = []
    if any(len(key) != KEY_BYTES for _, key in keks):
        found.append(Error("A KEK is not 32 bytes long.", id="keyring.E002"))
    if len({kek_id for kek_id, _ in keks}) != len(keks):
        found.append(Error("Two KEKs have the same id.", id="keyring.E003"))
    if getattr(settings, "PRODUCTION", False) and any(key == DEMO_KEK[1] for _, key in keks):
        found.append(Error("The demonstration's KEK is in use in production.", id="keyring.E004"))
    return found
