"""Push channels of Google Calendar: Google notifies lib-rdv of a change, and lib-rdv polls the calendar.

The content of a notification is never trusted. Each channel has a random token, lives seven days, and is replaced
at 80 % of its life: the new channel opens before the old one is stopped (design section 11).
"""

import hmac
import json
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from booking.google.calendar_api import GoogleError
from booking.google.leases import AccountLease
from booking.google.pull import MAIN
from booking.models import Channel, GoogleAccount
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.refs import new_ref
from tenants.schema import inside

LIFE = timedelta(days=7)
RENEWED_AT = 0.8
"""Share of its life after which a channel is replaced."""
TABLE = Channel._meta.db_table


def keep_open(lease: AccountLease) -> None:
    """Open missing channels, renew those that end soon, and stop replaced ones; a failed call waits for a poll.

    The calendar "Rendez-vous" always has a channel; the main calendar has one when ``is_instant`` is set.
    """
    if not settings.GOOGLE_SIGNAL_URL:
        return
    own = lease.secret().calendar
    with inside(lease.unit):
        account = GoogleAccount.objects.get(pk=lease.account_id)
        live_channels = list(Channel.objects.filter(account=account, is_live=True))
    targets = {Channel.Target.OWN: own}
    if account.is_instant:
        targets[Channel.Target.MAIN] = MAIN
    for target, calendar in targets.items():
        current = [channel for channel in live_channels if channel.target == target]
        if calendar and not any(_is_young(channel, now=lease.clock()) for channel in current):
            try:
                _open(lease, target, calendar)
            except GoogleError:
                continue
            for channel in current:
                _stop(lease, channel)


def account_of_channel(*, ref: UUID, token: str, now: datetime) -> int | None:
    """Return the key of the channel's account; None for an unknown or expired channel or a wrong token."""
    channel = Channel.objects.filter(ref=ref, expires_at__gt=now).first()
    known = bytes(channel.token_hash) if channel else b"\0" * 32
    is_right = hmac.compare_digest(known, keyring.token_hash(token))
    return channel.account_id if channel and is_right else None


def make_due(*, account_id: int, now: datetime) -> UUID | None:
    """Make the account due for a poll now and return its ref; None when it is due already."""
    waiting = GoogleAccount.objects.filter(pk=account_id, poll_at__gt=now)
    if not waiting.update(poll_at=now):
        return None
    return GoogleAccount.objects.get(pk=account_id).ref


def stop_all(lease: AccountLease) -> None:
    """Stop every channel of the account; a channel that Google does not stop keeps its row."""
    with inside(lease.unit):
        channels = list(Channel.objects.filter(account=lease.account_id))
    for channel in channels:
        _stop(lease, channel)


def _is_young(channel: Channel, *, now: datetime) -> bool:
    life = channel.expires_at - channel.created_at
    return now < channel.created_at + life * RENEWED_AT


def _open(lease: AccountLease, target: str, calendar: str) -> None:
    ref, token = new_ref(), secrets.token_urlsafe(32)
    address = f"{settings.GOOGLE_SIGNAL_URL}{lease.unit.schema}/"
    now = lease.clock()
    # The row is created first: Google sends the first notification before the response to the call.
    with inside(lease.unit):
        Channel.objects.create(
            ref=ref,
            account_id=lease.account_id,
            target=target,
            token_hash=keyring.token_hash(token),
            sealed=b"",
            created_at=now,
            expires_at=now + LIFE,
            is_live=False,
        )
    resource, until = lease.call(
        lambda client: client.watch(
            calendar=calendar, channel=str(ref), token=token, address=address, life=LIFE
        )
    )
    with inside(lease.unit):
        account = GoogleAccount.objects.select_related("data_key").get(pk=lease.account_id)
        if account.data_key is None:
            return
        data = json.dumps({"resource": resource}).encode()
        sealed = keyring.seal(key=account.data_key, data=data, table=TABLE, ref=ref)
        Channel.objects.filter(ref=ref).update(sealed=sealed, expires_at=until, is_live=True)


def _stop(lease: AccountLease, channel: Channel) -> None:
    """Stop one channel and delete its row; a channel without a readable resource only loses its row.

    A channel that is never stopped costs superfluous polls until it ends.
    """
    with inside(lease.unit):
        account = GoogleAccount.objects.select_related("data_key").get(pk=lease.account_id)
        resource = _resource_of(channel, account)
    if resource:
        try:
            lease.call(lambda client: client.stop(channel=str(channel.ref), resource=resource))
        except GoogleError:
            return
    with inside(lease.unit):
        Channel.objects.filter(pk=channel.pk).delete()


def _resource_of(channel: Channel, account: GoogleAccount) -> str:
    try:
        opened = keyring.open_sealed(
            key=account.data_key, sealed=channel.sealed, table=TABLE, ref=channel.ref
        )
    except (KeyDestroyedError, UnreadableError):
        return ""
    return str(json.loads(opened)["resource"])


def delete_old(*, now: datetime, limit: int = 500) -> int:
    """Delete the rows of channels that have ended; return how many."""
    old = Channel.objects.filter(expires_at__lte=now).values_list("pk", flat=True)
    return Channel.objects.filter(pk__in=list(old[:limit])).delete()[0]
