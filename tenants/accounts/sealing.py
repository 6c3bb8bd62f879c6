"""Seals second-factor secrets with the tenant's key."""

import base64

from tenants.keyring import cipher
from tenants.keyring.services import tenant_cipher

TABLE = "mfa_authenticator"


def seal_text(text: str) -> str:
    """Return the text encrypted for this schema, in base64."""
    tenant = tenant_cipher()
    associated = cipher.associated_prefix(tenant.schema, TABLE)
    return base64.b64encode(cipher.encrypt(tenant.wrapper, text.encode(), associated)).decode()


def open_text(sealed: str) -> str:
    """Return the plaintext. Raises UnreadableError when the value comes from another schema."""
    tenant = tenant_cipher()
    associated = cipher.associated_prefix(tenant.schema, TABLE)
    return cipher.decrypt(tenant.wrapper, base64.b64decode(sealed), associated).decode()
