"""Disconnection of a Google account: the grant is revoked at Google, then the key is destroyed (B-35, S-15).

The key is destroyed whether or not Google responds.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from booking.calendar_sync import calendar_entries
from booking.google import channels, oauth
from booking.google.accounts import TABLE, locked
from booking.google.calendar_api import Client, GoogleError
from booking.google.leases import (
    AccountLease,
    LeaseUnavailable,
    acquire_lease,
)
from booking.models import Channel, GoogleAccount
from booking.rules import kinds
from booking.scheduling.catalogue import bump_notice_version
from tenants import erasure_ledger
from tenants.audit import receipts
from tenants.audit import services as audit
from tenants.keyring import services as keyring
from tenants.outbox.delivery import SENT, DeliveryCall, Handler, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload
from tenants.outbox.services import Due, subject_of, write
from tenants.schema import Unit, inside

RULE = "B-35 disconnected"
TRIES = 3
"""Attempts that wait for the end of another worker's lease."""
FIELDS = ",".join(GoogleAccount.personal_data.personal)


def disconnect(
    *, account: GoogleAccount, on_disconnect: GoogleAccount.OnDisconnect, actor: str, now: datetime
) -> None:
    """Stop all use of the account and enqueue its disconnection; nothing happens the second time.

    A worker then revokes the grant at Google and destroys the key. ``on_disconnect``: what happens to the
    calendar.
    """
    active = GoogleAccount.objects.filter(pk=account.pk).exclude(
        state=GoogleAccount.LinkState.DISCONNECTING
    )
    if not active.update(
        state=GoogleAccount.LinkState.DISCONNECTING,
        on_disconnect=on_disconnect,
        poll_at=None,
        open_until=None,
    ):
        return
    account.busy.all().delete()
    # The privacy notice lists the recipients of an appointment (T-1).
    bump_notice_version()
    write(due=[Due(kinds.CALENDAR_DISCONNECT, subject_of(account), NO_PAYLOAD, now)], now=now)
    audit.record(verb="calendar.disconnected", ref=account.ref, actor=actor, now=now)


class DisconnectionHandler(Handler[NoPayload]):
    """Revokes the grant at Google as far as Google responds, then destroys the key and deletes the row."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that revokes the grant; sent already when the row is deleted."""
        account = _disconnecting_account(entry)
        if account is None:
            return SENT
        # A worker with a lease notices the disconnection at its next event; the lease of a killed worker expires.
        # The disconnection waits for either, a limited number of times.
        may_wait = entry.attempts <= TRIES
        wait = max(timedelta(seconds=1), (account.leased_until or now) - now)
        return partial(self._disconnect, account.pk, unit, wait=wait if may_wait else None)

    def complete(
        self,
        entry: OutboxEntry,
        payload: NoPayload,
        outcome: Outcome,
        *,
        unit: Unit,
        now: datetime,
    ) -> None:
        """Destroy the key and delete the row, whatever the outcome at Google."""
        if _disconnecting_account(entry) is None:
            return
        delete_account(account_id=entry.subject_id, is_done_there=outcome == SENT, now=now)

    def _disconnect(self, account_id: int, unit: Unit, *, wait: timedelta | None) -> Outcome:
        state = GoogleAccount.LinkState.DISCONNECTING
        try:
            with acquire_lease(
                unit=unit, account_id=account_id, clock=self._clock, state=state
            ) as lease:
                return SENT if _revoke_grant(lease) else Outcome(SENT.state, "not_revoked")
        except LeaseUnavailable:
            if wait is not None:
                raise TryAgain("busy", after=wait) from None
            return Outcome(SENT.state, "not_revoked")


def _disconnecting_account(entry: OutboxEntry) -> GoogleAccount | None:
    """Return the account of the entry while it is being disconnected, otherwise None."""
    state = GoogleAccount.LinkState.DISCONNECTING
    return GoogleAccount.objects.filter(pk=entry.subject_id, state=state).first()


def _revoke_grant(lease: AccountLease) -> bool:
    """Treat the calendar as chosen, stop the channels, revoke the grant; False when one of the steps failed.

    Each step is tried once, and a failed step stops no other.
    """
    secret = lease.secret()
    with inside(lease.unit):
        on_disconnect = GoogleAccount.objects.get(pk=lease.account_id).on_disconnect
    steps: list[Callable[[], object]] = []
    if on_disconnect != GoogleAccount.OnDisconnect.KEEP and secret.calendar:
        # EMPTY too deletes the calendar and creates another: deleting its events one by one may take hours.
        steps.append(lambda: lease.call(partial(_delete_calendar, calendar=secret.calendar)))
    if on_disconnect == GoogleAccount.OnDisconnect.EMPTY and secret.calendar:
        steps.append(lambda: lease.call(lambda client: client.create_calendar(zone="Europe/Paris")))
    steps.append(lambda: channels.stop_all(lease))
    steps.append(lambda: oauth.revoke(token=secret.refresh_token))
    outcomes = [_try_step(step) for step in steps]
    return all(outcomes)


def _try_step(step: Callable[[], object]) -> bool:
    try:
        step()
    except (GoogleError, oauth.GrantRevoked):
        return False
    return True


def _delete_calendar(client: Client, *, calendar: str) -> None:
    client.delete_calendar(calendar=calendar)


def delete_account(*, account_id: int, is_done_there: bool, now: datetime) -> None:
    """Destroy the key, delete the account with its rows, write the receipt; nothing happens the second time.

    ``is_done_there``: Google has carried out all steps. A remaining event, kept by choice or for want of a
    response, keeps its CalendarEntry without an account: when its person asks for the erasure later, the
    practitioner gets a task to erase it in Google.
    """
    if not GoogleAccount.objects.filter(pk=account_id).exists():
        return
    account = locked(account_id)
    erasure_ledger.append(table=TABLE, ref=account.ref, now=now)
    fingerprint = b"" if account.data_key is None else keyring.destroy(key=account.data_key)
    is_all_gone = is_done_there and account.on_disconnect != GoogleAccount.OnDisconnect.KEEP
    calendar_entries.detach_events(account=account, is_all_gone=is_all_gone, now=now)
    Channel.objects.filter(account=account).delete()
    account.delete()
    receipts.write_many(
        subjects=[(account.ref, fingerprint.hex())], kind=TABLE, rule=RULE, fields=FIELDS, now=now
    )


def delete_restored_accounts(*, hashes: set[str], schema: str, now: datetime) -> int:
    """Delete the accounts of a restored backup that the erasure ledger holds; return how many.

    ``hashes``: the hashes of the ledger for this schema.
    """
    restored = [
        account.pk
        for account in GoogleAccount.objects.all()
        if erasure_ledger.ref_hash(schema=schema, table=TABLE, ref=account.ref) in hashes
    ]
    for account_id in restored:
        delete_account(account_id=account_id, is_done_there=False, now=now)
    return len(restored)
