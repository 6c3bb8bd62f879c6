"""Tokens of password links: bound to the tenant as well as to the account (unit-of-work A4)."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from tenants.schema import current_unit


class ResetTokenGenerator(PasswordResetTokenGenerator):
    """Single use (password, last sign-in and address are part of it), one hour, one tenant."""

    @property
    def key_salt(self) -> str:  # type: ignore[override]  # computed, where Django has a constant
        """Name the schema in the salt: a token of one practice says nothing in another."""
        unit = current_unit()
        return f"tenants.accounts.reset|{unit.schema if unit else ''}"
