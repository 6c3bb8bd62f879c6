"""Tokens of password links, bound to tenant and account (design section 3)."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from tenants.schema import current_unit


class ResetTokenGenerator(PasswordResetTokenGenerator):
    """Single-use tokens, valid for one hour in one tenant; password, last sign-in and address are hashed in."""

    @property
    def key_salt(self) -> str:  # type: ignore[override]  # computed, where Django has a constant
        """Return a salt with the schema: a token of one practice is invalid in another."""
        unit = current_unit()
        return f"tenants.accounts.reset|{unit.schema if unit else ''}"
