"""The errors of the keyring. No message carries a key, a token or a plaintext."""


class KeyringError(Exception):
    """The base class of the keyring's errors."""


class UnreadableError(KeyringError):
    """Decryption failed: wrong key, row, table or tenant, or damaged bytes."""


class KeyDestroyedError(UnreadableError):
    """The key was destroyed; the data that it sealed cannot be recovered."""


class UnknownKekError(KeyringError):
    """A tenant key is wrapped by a KEK that is not in this process's settings."""


class BadKekError(KeyringError):
    """The list of KEKs is malformed: wrong syntax, wrong length or a duplicate id."""
