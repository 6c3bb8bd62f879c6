"""Password hashing of bounded concurrency and low priority: an Argon2 hash takes a core for 0.25 s, and 100 MB."""

from functools import partial
from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher

from tenants import low_priority
from tenants.concurrency_limit import ConcurrencyLimit

HASHING: Final = ConcurrencyLimit("hashing", holders=2, waiters=2, wait_seconds=1.5)
"""Two hashes at once on a machine: 200 MB. Two requests wait; further ones would hold threads that other
practices need."""


class LimitedArgon2Hasher(Argon2PasswordHasher):
    """Django's Argon2 hasher; raises NoPlaceFree when too many passwords are hashed at once."""

    parallelism = 1
    """One thread a hash: with Django's eight, two hashes take the cores from a page as sixteen threads do."""

    def encode(self, password: str, salt: str) -> str:
        """Return the hash of a new password, or of the attempt for an unknown account."""
        with HASHING.enter():
            return str(low_priority.run(partial(super().encode, password, salt)))

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password has this hash."""
        with HASHING.enter():
            return bool(low_priority.run(partial(super().verify, password, encoded)))
