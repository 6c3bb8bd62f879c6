"""The Google account of one practitioner: its sealed secret, its row, and the keys computed for it."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from booking.models import GoogleAccount, Practitioner
from booking.rules.erasure import Level
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError

TABLE = GoogleAccount._meta.db_table
EVENT_KEY = "google.events"
"""Purpose under which the tenant's key computes identifiers of events."""


@dataclass(frozen=True)
class Secret:
    """The values that the key of the account seals; ``expires_at`` is the end of the access token, ISO 8601."""

    refresh_token: str
    access_token: str = ""
    expires_at: str = ""
    subject: str = ""
    calendar: str = ""
    sync_token: str = ""

    @property
    def access_ends_at(self) -> datetime | None:
        """The instant at which Google stops accepting the access token, or None without a token."""
        return datetime.fromisoformat(self.expires_at) if self.expires_at else None


def open_secret(account: GoogleAccount) -> Secret:
    """Return the sealed values; raises KeyDestroyedError or UnreadableError."""
    opened = keyring.open_sealed(
        key=account.data_key, sealed=account.sealed, table=TABLE, ref=account.ref
    )
    return Secret(**json.loads(opened))


def seal_secret(account: GoogleAccount, secret: Secret) -> None:
    """Seal under the key of the account, in memory; the caller saves the row. Raises KeyDestroyedError."""
    if account.data_key is None:
        raise KeyDestroyedError
    data = json.dumps(asdict(secret)).encode()
    account.sealed = keyring.seal(key=account.data_key, data=data, table=TABLE, ref=account.ref)


def change_secret(*, account_id: int, **values: str) -> None:
    """Replace some of the sealed values, under a lock of the row."""
    account = locked(account_id)
    seal_secret(account, replace(open_secret(account), **values))
    account.save(update_fields=["sealed"])


def locked(account_id: int) -> GoogleAccount:
    """Return the account with its key; its row is locked until the transaction ends."""
    return (
        GoogleAccount.objects.select_related("data_key")
        .select_for_update(of=("self",))
        .get(pk=account_id)
    )


def account_of(practitioner: Practitioner) -> GoogleAccount | None:
    """Return the account of the practitioner in any state, or None."""
    return GoogleAccount.objects.filter(practitioner=practitioner).first()


def accounts_of(practitioners: Collection[Practitioner]) -> list[GoogleAccount]:
    """Return the accounts of these practitioners in any state."""
    return list(GoogleAccount.objects.filter(practitioner__in=practitioners))


def default_level(*, kind: str, has_addendum: bool) -> Level:
    """Return the level that needs no instruction of the client (B-33).

    Events name the person only in the account of an organisation that has signed Google's addendum.
    """
    is_covered = kind == GoogleAccount.AccountKind.WORKSPACE and has_addendum
    return Level.NAMED if is_covered else Level.INITIALS


def event_key() -> bytes:
    """Return the key that computes identifiers of events, derived from the tenant's key."""
    return keyring.tenant_cipher().derived(EVENT_KEY)
