"""Password hashing of bounded concurrency: one Argon2 hash takes a core for 0.25 s, and 100 MB of memory."""

from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher

from tenants.concurrency_limit import ConcurrencyLimit

HASHING: Final = ConcurrencyLimit("hashing", holders=2, waiters=2, wait_seconds=1.5)
"""Two hashes at once on a machine: 200 MB. Two requests wait; further ones would hold threads that other
practices need."""


class LimitedArgon2Hasher(Argon2PasswordHasher):
    """Django's Argon2 hasher; raises NoPlaceFree when too many passwords are hashed at once."""

    def encode(self, password: str, salt: str) -> str:
        """Return the hash of a new password, or of the attempt for an unknown account."""
        with HASHING.enter():
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password has this hash."""
        with HASHING.enter():
            return bool(super().verify(password, encoded))
