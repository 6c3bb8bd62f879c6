"""Names that only the practitioner's calendar still holds, read in memory for one page (B-28).

Nothing is stored and no token is refreshed. A page waits two seconds at most; without a response it shows a link
to Google Agenda instead of the name.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from booking.google.accounts import event_key, open_secret
from booking.google.calendar_api import (
    Client,
    GoogleError,
    Words,
)
from booking.google.limits import AccountMeter
from booking.models import CalendarEntry, GoogleAccount
from booking.rules import event_body
from booking.rules.erasure import Level
from tenants import http_gateway
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.schema import current_schema

PATIENCE_SECONDS = 2.0
"""Time limit of all lookups of a page together: they run in parallel."""
MOST = 100
"""Appointments of one page whose names are looked up."""
_AT_ONCE = 8
_NOT_THERE = (CalendarEntry.EventState.GONE, CalendarEntry.EventState.DELETED)


class Unnamed(NamedTuple):
    """An appointment whose person only a calendar names, and its date in the time zone of its location."""

    ref: UUID
    on: date


@dataclass(frozen=True)
class Lookup:
    """The lookup in one account: the events of a time span, by their identifiers. It is never stored."""

    token: str
    account: str
    meter: AccountMeter
    calendar: str
    refs_by_event: Mapping[str, UUID]
    starts_at: datetime
    ends_at: datetime


def unnamed(*, refs: Collection[UUID], practitioner_ids: Collection[int]) -> list[Unnamed]:
    """Return those of these appointments that are erased here and named in a calendar, by time.

    One query, and none without appointments. An event after its cleanup names no person.
    """
    if not refs:
        return []
    named = (
        CalendarEntry.objects.filter(
            appointment__ref__in=refs,
            appointment__practitioner__in=practitioner_ids,
            appointment__erased_at__isnull=False,
            account__isnull=False,
            level__gte=Level.INITIALS,
            cleanup_at__isnull=True,
        )
        .exclude(state__in=_NOT_THERE)
        .order_by("appointment__starts_at", "pk")
        .values_list(
            "appointment__ref", "appointment__starts_at", "appointment__location__time_zone"
        )
    )
    found = {
        ref: Unnamed(ref, starts_at.astimezone(ZoneInfo(zone)).date())
        for ref, starts_at, zone in named
    }
    return list(found.values())


def lookups(
    *, refs: Collection[UUID], practitioner_ids: Collection[int], now: datetime
) -> list[Lookup]:
    """Return the lookups for these appointments, inside a unit; none for events that name no person."""
    entries = CalendarEntry.objects.select_related("account__data_key", "appointment").filter(
        appointment__ref__in=list(refs)[:MOST],
        appointment__practitioner__in=practitioner_ids,
        account__state=GoogleAccount.LinkState.CONNECTED,
        level__gte=Level.INITIALS,
    )
    by_account: dict[GoogleAccount, list[CalendarEntry]] = {}
    for entry in entries:
        if entry.account is not None:
            by_account.setdefault(entry.account, []).append(entry)
    lookups = (_lookup(account, group, now=now) for account, group in by_account.items())
    return [lookup for lookup in lookups if lookup is not None]


def _lookup(
    account: GoogleAccount, entries: list[CalendarEntry], *, now: datetime
) -> Lookup | None:
    try:
        secret = open_secret(account)
    except (KeyDestroyedError, UnreadableError):
        return None
    if secret.access_ends_at is None or secret.access_ends_at <= now:
        return None
    key = event_key()
    appointments = [entry.appointment for entry in entries]
    return Lookup(
        token=secret.access_token,
        account=account.ref.hex,
        meter=AccountMeter(current_schema(), account.ref, lambda: now),
        calendar=secret.calendar,
        refs_by_event={
            event_body.event_id(
                key=key, ref=entry.appointment.ref, generation=entry.generation
            ): entry.appointment.ref
            for entry in entries
        },
        # One day more on each side finds events that the practitioner has moved in Google.
        starts_at=min(appointment.starts_at for appointment in appointments) - timedelta(days=1),
        ends_at=max(appointment.ends_at for appointment in appointments) + timedelta(days=1),
    )


def read_names(lookups: Collection[Lookup]) -> dict[UUID, Words]:
    """Return the words of the events by the ref of their appointment, outside any unit.

    The whole call takes ``PATIENCE_SECONDS`` at most; a lookup without a response by then is left out.
    """
    if not lookups:
        return {}
    http_gateway.refuse_inside_a_unit()  # in this thread: those of the pool do not see its unit
    pool = ThreadPoolExecutor(max_workers=min(len(lookups), _AT_ONCE), thread_name_prefix="names")
    futures = [pool.submit(_read_lookup, lookup) for lookup in lookups]
    completed, _late = wait(futures, timeout=PATIENCE_SECONDS)
    # A late lookup ends by the timeout of its own connection, and its result is not used.
    pool.shutdown(wait=False, cancel_futures=True)
    words_by_ref: dict[UUID, Words] = {}
    for future in completed:
        words_by_ref |= future.result()
    return words_by_ref


def _read_lookup(lookup: Lookup) -> dict[UUID, Words]:
    client = Client(
        token=lookup.token, account=lookup.account, meter=lookup.meter, timeout=PATIENCE_SECONDS
    )
    with client:
        try:
            words = client.read_between(
                calendar=lookup.calendar,
                starts_at=lookup.starts_at,
                ends_at=lookup.ends_at,
            )
        except GoogleError:
            return {}
    refs = lookup.refs_by_event
    return {refs[event.id]: event for event in words if event.id in refs}
