"""Names that only the practitioner's calendar still holds: read in memory for one page (B-28).

Nothing is stored, and no token is refreshed here: a page waits two seconds at most, then offers a link
to Google Agenda instead.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from booking import event_body
from booking.event_body import Level
from booking.google_calendar import Client, GoogleError, Words
from booking.models import CalendarEntry, GoogleAccount
from booking.services.google.accounts import event_key, open_secret
from booking.services.google.limits import AccountMeter
from tenants import outbound
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.schema import current_schema

PATIENCE_SECONDS = 2.0
"""Of all questions together: the agendas are asked at the same time."""
MOST = 100
_AT_ONCE = 8
_NOT_THERE = (CalendarEntry.State.GONE, CalendarEntry.State.DELETED)


class Unnamed(NamedTuple):
    """An appointment of which only a calendar says who comes, and its local date."""

    ref: UUID
    on: date


@dataclass(frozen=True)
class Lookup:
    """What one account is asked: its events of a span, by identifier. It lives as long as the question."""

    token: str
    account: str
    meter: AccountMeter
    calendar: str
    wanted: Mapping[str, UUID]
    starts_at: datetime
    ends_at: datetime


def unnamed(*, refs: Collection[UUID], practitioner_ids: Collection[int]) -> list[Unnamed]:
    """Return those of these appointments that are erased here and named in a calendar, by time.

    One query, and none for no appointment. A calendar that was cleaned names nobody any more.
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
            cleans_at__isnull=True,
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
        meter=AccountMeter(current_schema(), account.ref, lambda: now),
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
    if not found:
        return {}
    outbound.refuse_inside_a_unit()  # here: a thread of its own would not know of ours
    pool = ThreadPoolExecutor(max_workers=min(len(found), _AT_ONCE), thread_name_prefix="names")
    asked = [pool.submit(_ask, lookup) for lookup in found]
    answered, _late = wait(asked, timeout=PATIENCE_SECONDS)
    # Who is late ends by the patience of its own line, and nobody hears the answer.
    pool.shutdown(wait=False, cancel_futures=True)
    known: dict[UUID, Words] = {}
    for answer in answered:
        known |= answer.result()
    return known


def _ask(lookup: Lookup) -> dict[UUID, Words]:
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
    return {lookup.wanted[one.id]: one for one in words if one.id in lookup.wanted}
