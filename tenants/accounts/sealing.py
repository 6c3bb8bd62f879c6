"""Second-factor secrets at rest: sealed under the tenant's own key."""

import base64

from tenants.keyring import cipher
from tenants.keyring.services import tenant_cipher

TABLE = "mfa_authenticator"


def seal_text(text: str) -> str:
    """Return the text sealed for this schema, in base64: it opens nowhere else."""
    tenant = tenant_cipher()
    place = cipher.place(tenant.schema, TABLE)
    return base64.b64encode(cipher.encrypt(tenant.wrapper, text.encode(), place)).decode()


def open_text(sealed: str) -> str:
    """Return what was sealed; Unreadable when the bytes come from another schema."""
    tenant = tenant_cipher()
    place = cipher.place(tenant.schema, TABLE)
    return cipher.decrypt(tenant.wrapper, base64.b64decode(sealed), place).decode()
