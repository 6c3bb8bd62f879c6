"""Names that only the practitioner's calendar still holds: read in memory for one page (B-28).

Nothing is stored, and no token is refreshed here: a page waits two seconds at most, then offers a link
to Google Agenda instead.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from booking import event_body
from booking.event_body import Level
from booking.google_calendar import Client, GoogleError, Words
from booking.models import CalendarEntry, GoogleAccount
from booking.services.google.accounts import event_key, open_secret
from tenants.keyring.errors import KeyDestroyedError, UnreadableError

PATIENCE_SECONDS = 2.0
"""Of one answer; a page with several agendas asks them one after the other within the same patience."""
MOST = 100


@dataclass(frozen=True)
class Lookup:
    """What one account is asked: its events of a span, by identifier. It lives as long as the question."""

    token: str
    account: str
    calendar: str
    wanted: Mapping[str, UUID]
    starts_at: datetime
    ends_at: datetime


def lookups(
    *, refs: Collection[UUID], practitioner_ids: Collection[int], now: datetime
) -> list[Lookup]:
    """Return what to ask for these appointments, inside a unit; none for a calendar that names nobody."""
    entries = CalendarEntry.objects.select_related("account__data_key", "appointment").filter(
        appointment__ref__in=list(refs)[:MOST],
        appointment__practitioner__in=practitioner_ids,
        account__state=GoogleAccount.State.CONNECTED,
        level__gte=Level.INITIALS,
    )
    by_account: dict[int, list[CalendarEntry]] = {}
    for entry in entries:
        by_account.setdefault(entry.account_id or 0, []).append(entry)
    return [found for group in by_account.values() if (found := _lookup(group, now=now))]


def _lookup(entries: list[CalendarEntry], *, now: datetime) -> Lookup | None:
    account = entries[0].account
    assert account is not None  # noqa: S101  # the filter says so
    try:
        secret = open_secret(account)
    except (KeyDestroyedError, UnreadableError):
        return None
    if secret.access_ends_at is None or secret.access_ends_at <= now:
        return None
    key = event_key()
    visits = [entry.appointment for entry in entries]
    return Lookup(
        token=secret.access_token,
        account=account.ref.hex,
        calendar=secret.calendar,
        wanted={
            event_body.event_id(
                key=key, ref=entry.appointment.ref, generation=entry.generation
            ): entry.appointment.ref
            for entry in entries
        },
        # What was moved in Google is found a day around.
        starts_at=min(visit.starts_at for visit in visits) - timedelta(days=1),
        ends_at=max(visit.ends_at for visit in visits) + timedelta(days=1),
    )


def ask(found: Collection[Lookup]) -> dict[UUID, Words]:
    """Ask Google, outside any unit, two seconds in all; what does not answer is left out."""
    known: dict[UUID, Words] = {}
    for lookup in found:
        patience = PATIENCE_SECONDS / len(found)
        with Client(token=lookup.token, account=lookup.account, timeout=patience) as client:
            try:
                words = client.read_between(
                    calendar=lookup.calendar,
                    starts_at=lookup.starts_at,
                    ends_at=lookup.ends_at,
                )
            except GoogleError:
                continue
        known |= {lookup.wanted[one.id]: one for one in words if one.id in lookup.wanted}
    return known
