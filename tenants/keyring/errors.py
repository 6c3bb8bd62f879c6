"""What can go wrong with a key. No message ever carries a key, a token or what was sealed."""


class KeyringError(Exception):
    """Base of every error of the keyring."""


class UnreadableError(KeyringError):
    """The bytes do not open: wrong key, other row, other table, other tenant, or damaged."""


class KeyDestroyedError(UnreadableError):
    """The key is gone for good, and with it what it sealed."""


class UnknownKekError(KeyringError):
    """A tenant key is wrapped by a KEK that this process was not given."""


class BadKekError(KeyringError):
    """The list of KEKs cannot be read: wrong form, wrong length or the same id twice."""
