"""The link of one practitioner with Google: what is sealed in it, and what its owner decides."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from booking.event_body import Level
from booking.models import GoogleAccount, Practitioner
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError

TABLE = GoogleAccount._meta.db_table
EVENT_KEY = "google.events"
"""Purpose of the tenant's key that computes identifiers of events."""


@dataclass(frozen=True)
class Secret:
    """What the account's own key seals; ``expires_at`` is the access token's, ISO 8601."""

    refresh_token: str
    access_token: str = ""
    expires_at: str = ""
    subject: str = ""
    calendar: str = ""
    sync_token: str = ""

    @property
    def access_ends_at(self) -> datetime | None:
        """Until when the access token is accepted."""
        return datetime.fromisoformat(self.expires_at) if self.expires_at else None


def open_secret(account: GoogleAccount) -> Secret:
    """Return what is sealed; KeyDestroyedError or UnreadableError when it cannot be opened here."""
    opened = keyring.open_sealed(
        key=account.data_key, sealed=account.sealed, table=TABLE, ref=account.ref
    )
    return Secret(**json.loads(opened))


def seal_secret(account: GoogleAccount, secret: Secret) -> None:
    """Seal under the account's own key, in memory; the caller saves the row."""
    if account.data_key is None:
        raise KeyDestroyedError
    data = json.dumps(asdict(secret)).encode()
    account.sealed = keyring.seal(key=account.data_key, data=data, table=TABLE, ref=account.ref)


def change_secret(*, account_id: int, **values: str) -> None:
    """Change some of what is sealed, under the lock of the row."""
    account = locked(account_id)
    seal_secret(account, replace(open_secret(account), **values))
    account.save(update_fields=["sealed"])


def locked(account_id: int) -> GoogleAccount:
    """Return the account with its key, its row locked until the transaction ends."""
    return (
        GoogleAccount.objects.select_related("data_key")
        .select_for_update(of=("self",))
        .get(pk=account_id)
    )


def account_of(practitioner: Practitioner) -> GoogleAccount | None:
    """Return the practitioner's link, whatever its state, or None."""
    return GoogleAccount.objects.filter(practitioner=practitioner).first()


def default_level(*, kind: str, has_addendum: bool) -> Level:
    """Return the level that nobody has to instruct (B-33): names only under an organisation's contract."""
    is_covered = kind == GoogleAccount.Kind.WORKSPACE and has_addendum
    return Level.NAMED if is_covered else Level.INITIALS


def event_key() -> bytes:
    """Return the key of identifiers of events, derived from the tenant's."""
    return keyring.tenant_cipher().derived(EVENT_KEY)
