"""Ending a link: Google is told once, and the key is destroyed whatever it answers (B-35, S-15)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F

from booking import google_oauth, kinds
from booking.google_calendar import Client, GoogleError
from booking.models import Channel, GoogleAccount, Practice
from booking.services import calendar_entries
from booking.services.google import channels
from booking.services.google.accounts import TABLE, locked
from booking.services.google.leases import Busy, Held, hold
from tenants import ledger
from tenants.keyring import services as keyring
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.schema import Unit, inside
from tenants.trail import receipts
from tenants.trail import services as trail

RULE = "B-35 disconnected"
TRIES = 3
"""How often another worker's lease is waited for."""
FIELDS = ",".join(GoogleAccount.personal_data.personal)


def leave(
    *, account: GoogleAccount, on_leaving: GoogleAccount.Leaving, actor: str, now: datetime
) -> None:
    """Use the link no more, from now on; a worker says goodbye to Google and destroys the key."""
    left = GoogleAccount.objects.filter(pk=account.pk).exclude(state=GoogleAccount.State.LEAVING)
    if not left.update(
        state=GoogleAccount.State.LEAVING, on_leaving=on_leaving, poll_at=None, open_until=None
    ):
        return
    account.busy.all().delete()
    # Who receives an appointment is part of what patients are told (T-1).
    Practice.objects.update(notice_version=F("notice_version") + 1)
    write(due=[Due(kinds.CALENDAR_LEAVE, account.pk, now)], now=now)
    trail.record(verb="calendar.left", ref=account.ref, actor=actor, now=now)


class Leave:
    """Says goodbye to Google as far as it answers, then destroys the key and the row."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Nothing is left to do once the row is gone."""
        account = _leaving(entry)
        if account is None:
            return SENT
        # Whoever speaks for the account notices at the next event that it is being left; the lease of a
        # worker that was killed ends by itself. Neither is waited for for ever.
        may_wait = entry.attempts <= TRIES
        wait = max(timedelta(seconds=1), (account.leased_until or now) - now)
        return partial(self._leave, account.pk, unit, wait=wait if may_wait else None)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Whatever happened before: the key is destroyed."""
        if _leaving(entry) is None:
            return
        is_told = outcome == SENT
        forget(account_id=entry.object_id or 0, is_done_there=is_told, now=now)

    def _leave(self, account_id: int, unit: Unit, *, wait: timedelta | None) -> Outcome:
        leaving = GoogleAccount.State.LEAVING
        try:
            with hold(unit=unit, account_id=account_id, clock=self._clock, state=leaving) as held:
                return SENT if _say_goodbye(held) else Outcome(SENT.state, "not_revoked")
        except Busy:
            if wait is not None:
                raise TryAgain("busy", after=wait) from None
            return Outcome(SENT.state, "not_revoked")


def _leaving(entry: OutboxEntry) -> GoogleAccount | None:
    """Return the row that is to go; one that serves is none of them."""
    state = GoogleAccount.State.LEAVING
    return GoogleAccount.objects.filter(pk=entry.object_id or 0, state=state).first()


def _say_goodbye(held: Held) -> bool:
    """Leave the calendar as was asked, stop what knocks, revoke: one try each; False when one failed."""
    secret = held.secret()
    with inside(held.unit):
        choice = GoogleAccount.objects.get(pk=held.account_id).on_leaving
    steps: list[Callable[[], object]] = []
    if choice != GoogleAccount.Leaving.KEEP and secret.calendar:
        # An empty calendar is one that was made again: deleting its events one by one may take hours.
        steps.append(lambda: held.call(partial(_delete, calendar=secret.calendar)))
    if choice == GoogleAccount.Leaving.EMPTY and secret.calendar:
        steps.append(lambda: held.call(lambda client: client.create_calendar(zone="Europe/Paris")))
    steps.append(lambda: channels.stop_all(held))
    steps.append(lambda: google_oauth.revoke(token=secret.refresh_token))
    outcomes = [_tried(step) for step in steps]
    return all(outcomes)


def _tried(step: Callable[[], object]) -> bool:
    try:
        step()
    except (GoogleError, google_oauth.Dead):
        return False
    return True


def _delete(client: Client, *, calendar: str) -> None:
    client.delete_calendar(calendar=calendar)


def forget(*, account_id: int, is_done_there: bool, now: datetime) -> None:
    """Destroy the key, delete the link and what hangs on it, write the receipt; nothing the second time.

    ``is_done_there``: Google did all that was asked. An event that stands, because it was to stay or because
    Google did not answer, is remembered without the account: a person who asks to be erased later is the
    practitioner's to erase there.
    """
    if not GoogleAccount.objects.filter(pk=account_id).exists():
        return
    account = locked(account_id)
    ledger.append(table=TABLE, ref=account.ref, now=now)
    fingerprint = b"" if account.data_key is None else keyring.destroy(key=account.data_key)
    is_all_gone = is_done_there and account.on_leaving != GoogleAccount.Leaving.KEEP
    calendar_entries.outlive(account=account, is_all_gone=is_all_gone, now=now)
    Channel.objects.filter(account=account).delete()
    account.delete()
    receipts.write_many(
        subjects=[(account.ref, fingerprint.hex())], kind=TABLE, rule=RULE, fields=FIELDS, now=now
    )


def forget_again(*, hashes: set[str], schema: str, now: datetime) -> int:
    """Destroy what a restored backup brought back of links that had been ended; return how many."""
    back = [
        account.pk
        for account in GoogleAccount.objects.all()
        if ledger.ref_hash(schema=schema, table=TABLE, ref=account.ref) in hashes
    ]
    for account_id in back:
        forget(account_id=account_id, is_done_there=False, now=now)
    return len(back)
