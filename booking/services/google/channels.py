"""Push channels: Google knocks when a calendar changes, and we look; what it says is never trusted.

Each has a random token of its own, lives seven days, and is renewed at 80 % of its life, the new one
before the old one is stopped (google-agenda, section 6).
"""

import hmac
import json
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from booking.google_calendar import GoogleError
from booking.models import Channel, GoogleAccount
from booking.services.google.leases import Held
from booking.services.google.reading import MAIN
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.refs import new_ref
from tenants.schema import inside

LIFE = timedelta(days=7)
RENEWED_AT = 0.8
TABLE = Channel._meta.db_table


def keep_open(held: Held) -> None:
    """Open what is missing, renew what ends soon, stop what was replaced; a failure waits for the next poll."""
    if not settings.GOOGLE_SIGNAL_URL:
        return
    own = held.secret().calendar
    with inside(held.unit):
        account = GoogleAccount.objects.get(pk=held.account_id)
        live = list(Channel.objects.filter(account=account, is_live=True))
    targets = {Channel.Target.OWN: own}
    if account.is_instant:
        targets[Channel.Target.MAIN] = MAIN
    for target, calendar in targets.items():
        current = [one for one in live if one.target == target]
        if calendar and not any(_is_young(one, now=held.clock()) for one in current):
            try:
                _open(held, target, calendar)
            except GoogleError:
                continue
            for one in current:
                _stop(held, one)


def is_ours(*, ref: UUID, token: str, now: datetime) -> int | None:
    """Return the account whose channel knocked, or None: unknown, ended, or with another token."""
    channel = Channel.objects.filter(ref=ref, expires_at__gt=now).first()
    known = bytes(channel.token_hash) if channel else b"\0" * 32
    is_right = hmac.compare_digest(known, keyring.token_hash(token))
    return channel.account_id if channel and is_right else None


def stop_all(held: Held) -> None:
    """Stop every channel of the account, as far as Google answers."""
    with inside(held.unit):
        live = list(Channel.objects.filter(account=held.account_id))
    for one in live:
        _stop(held, one)


def _is_young(channel: Channel, *, now: datetime) -> bool:
    life = channel.expires_at - channel.created_at
    return now < channel.created_at + life * RENEWED_AT


def _open(held: Held, target: str, calendar: str) -> None:
    ref, token = new_ref(), secrets.token_urlsafe(32)
    address = f"{settings.GOOGLE_SIGNAL_URL}{held.unit.schema}/"
    now = held.clock()
    # Stored first: Google greets a channel before its answer has arrived.
    with inside(held.unit):
        Channel.objects.create(
            ref=ref,
            account_id=held.account_id,
            target=target,
            token_hash=keyring.token_hash(token),
            sealed=b"",
            created_at=now,
            expires_at=now + LIFE,
            is_live=False,
        )
    resource, until = held.call(
        lambda client: client.watch(
            calendar=calendar, channel=str(ref), token=token, address=address, life=LIFE
        )
    )
    with inside(held.unit):
        account = GoogleAccount.objects.select_related("data_key").get(pk=held.account_id)
        if account.data_key is None:
            return
        data = json.dumps({"resource": resource}).encode()
        sealed = keyring.seal(key=account.data_key, data=data, table=TABLE, ref=ref)
        Channel.objects.filter(ref=ref).update(sealed=sealed, expires_at=until, is_live=True)


def _stop(held: Held, channel: Channel) -> None:
    """Stop one channel if it still can be, and forget it: it would only make us look once more."""
    with inside(held.unit):
        account = GoogleAccount.objects.select_related("data_key").get(pk=held.account_id)
        resource = _resource_of(channel, account)
    if resource:
        try:
            held.call(lambda client: client.stop(channel=str(channel.ref), resource=resource))
        except GoogleError:
            return
    with inside(held.unit):
        Channel.objects.filter(pk=channel.pk).delete()


def _resource_of(channel: Channel, account: GoogleAccount) -> str:
    try:
        opened = keyring.open_sealed(
            key=account.data_key, sealed=channel.sealed, table=TABLE, ref=channel.ref
        )
    except (KeyDestroyedError, UnreadableError):
        return ""
    return str(json.loads(opened)["resource"])


def drop_old(*, now: datetime, limit: int = 500) -> int:
    """Delete channels whose life is over; return how many."""
    old = Channel.objects.filter(expires_at__lte=now).values_list("pk", flat=True)
    return Channel.objects.filter(pk__in=list(old[:limit])).delete()[0]
