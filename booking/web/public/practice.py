"""P1 and P2: the practice page with its first free slots, and all slots week by week."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from booking.abuse import form_token, limits
from booking.rules.holidays import public_holidays
from booking.scheduling import absences
from booking.scheduling.absences import Away
from booking.web.public import search as searches
from booking.web.public.hours import hours_of
from booking.web.public.page import (
    Site,
    patient_view,
    schema_of_request,
    show,
    too_many,
)
from booking.web.public.search import (
    CHOOSE,
    DayOfSlots,
    Search,
    SlotButton,
    SlotOffer,
)
from tenants.query_parameters import parameters_of

DAYS_ON_FRONT = 3
SLOTS_ON_FRONT = 6
ANNOUNCED_AHEAD = timedelta(days=21)
"""The time before an absence from which the practice page announces it."""
SLOTS_IN_HALF_DAY = 8
"""Slots of a half day that the week shows; the page of the day shows the others."""
_NOON = 12


@dataclass(frozen=True)
class WeekDay:
    """One day of the week of slots: the first hours of each half, or why there is nothing."""

    day: date
    morning: Sequence[SlotButton]
    afternoon: Sequence[SlotButton]
    is_today: bool
    why_closed: str
    count: int
    absence_message: str = ""
    """The public message of the absence that covers the day, when no slot is free."""

    @property
    def hidden(self) -> int:
        """How many free hours stand on the day's own page only."""
        return self.count - len(self.morning) - len(self.afternoon)


@patient_view("GET")
def home(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the practice, the next free slot and the days after it."""
    wait = limits.seconds_to_wait(limits.FRONT, limits.network_of(request), now=site.now)
    if wait:
        return too_many(request, site, seconds=wait)
    return show(request, site, "booking/practice.html", _front(request, site))


def preview(request: HttpRequest, site: Site) -> HttpResponse:
    """Show the same page with the draft in it, to the practice alone."""
    response = show(request, site, "booking/practice.html", _front(request, site), is_personal=True)
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _front(request: HttpRequest, site: Site) -> dict[str, object]:
    """Return the context of the practice page."""
    search = searches.read_search(request) if site.is_open else None
    context: dict[str, object] = {
        "search": search,
        "next_slot": None,
        "days": [],
        "today": None,
        "rows": [],
        "away": [],
    }
    if search:
        today = site.today(search.zone)
        offer = searches.search_slots(
            search, from_on=today, until_on=searches.last_day(search, today=today), now=site.now
        )
        next_slot, days = _first_days(offer, today) if search.is_chosen else (None, [])
        context |= {
            "today": today,
            "next_slot": next_slot,
            "days": days,
            "substitutes": searches.substitutes_of(
                [*filter(None, [next_slot]), *(slot for day in days for slot in day.slots)]
            ),
            "away": _away(search, from_on=today, until_on=today + ANNOUNCED_AHEAD),
            "rows": hours_of(offer, today=today),
            "token": _token(site),
        }
    return context


@patient_view("GET")
def slots(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show one week of free slots, with the next free one above it."""
    wait = limits.seconds_to_wait(limits.SLOTS, limits.network_of(request), now=site.now)
    if wait:
        return too_many(request, site, seconds=wait)
    search = searches.read_search(request) if site.is_open else None
    if search is None:
        return show(request, site, "booking/slots.html", {"search": None})
    if not search.is_chosen:
        return show(request, site, "booking/slots.html", {"search": search})
    context = week_context(search, asked=parameters_of(request), site=site)
    return show(request, site, "booking/slots.html", {**context, "token": _token(site)})


def week_context(
    search: Search,
    *,
    asked: Mapping[str, str],
    site: Site,
    until: date | None = None,
    ignore_appointment: int | None = None,
) -> dict[str, object]:
    """Return the context of the week template; with ``jour``, one day with all its hours.

    The week holds the requested date, limited to the booking horizon.
    """
    today = site.today(search.zone)
    last = min(searches.last_day(search, today=today), until or date.max)
    offer = searches.search_slots(
        search, from_on=today, until_on=last, now=site.now, ignore_appointment=ignore_appointment
    )
    first = offer.next_day(today)
    day = _read_day(asked.get("jour", ""))
    asked_day = day or _read_day(asked.get("semaine", "")) or (first.day if first else today)
    monday = _monday(_within(asked_day, today, last))
    away = _away(search, from_on=max(monday, today), until_on=monday + timedelta(days=6))
    days = _week(offer, monday, away, today=today, last=last)
    only_day = _whole_day(day, offer)
    return {
        "search": search,
        "today": today,
        "next_slot": first.slots[0] if first else None,
        "substitutes": searches.substitutes_of(
            [
                *(first.slots[:1] if first else ()),
                *(
                    slot
                    for week_day in (only_day, *days)
                    if week_day
                    for slot in (*week_day.morning, *week_day.afternoon)
                ),
            ]
        ),
        "only_day": only_day,
        "away": away,
        "days": days,
        "first_on": days[0].day,
        "last_on": days[-1].day,
        "count": sum(day.count for day in days),
        "before": monday - timedelta(days=7) if monday > today else None,
        "after": monday + timedelta(days=7) if monday + timedelta(days=7) <= last else None,
        "next_week": _next_week(offer, days),
    }


def _token(site: Site) -> str:
    return form_token.issue(schema=schema_of_request(), purpose=CHOOSE, now=site.now)


def _first_days(offer: SlotOffer, today: date) -> tuple[SlotButton | None, list[DayOfSlots]]:
    """Return the next slot, and the days after it: three at most, a few hours each."""
    days: list[DayOfSlots] = []
    next_slot: SlotButton | None = None
    for day in offer.days_from(today):
        slots = day.slots if next_slot else day.slots[1:]
        next_slot = next_slot or day.slots[0]
        if slots:
            days.append(DayOfSlots(day.day, slots[:SLOTS_ON_FRONT]))
        if len(days) == DAYS_ON_FRONT:
            break
    return next_slot, days


def _away(search: Search, *, from_on: date, until_on: date) -> list[Away]:
    """Return the announced absences of those looked for, between two local dates, both included."""
    practitioners = [search.practitioner] if search.practitioner else search.practitioners
    return absences.announced(
        practitioners=practitioners, zone=search.zone, from_on=from_on, until_on=until_on
    )


def _week(
    offer: SlotOffer, monday: date, away: Sequence[Away], *, today: date, last: date
) -> list[WeekDay]:
    """Return Monday to Saturday; Sunday only when someone works."""
    days = [monday + timedelta(days=shift) for shift in range(7)]
    by_day = {free.day: free.slots for free in searches.days_of(offer.between(days[0], days[6]))}
    if days[6] not in by_day:
        days.pop()
    return [
        WeekDay(
            day=day,
            morning=_half(by_day.get(day, ()), is_morning=True)[:SLOTS_IN_HALF_DAY],
            afternoon=_half(by_day.get(day, ()), is_morning=False)[:SLOTS_IN_HALF_DAY],
            is_today=day == today,
            why_closed=_why_closed(offer, day, today=today, last=last),
            count=len(by_day.get(day, ())),
            absence_message=_absence_message(away, day),
        )
        for day in days
    ]


def _whole_day(day: date | None, offer: SlotOffer) -> WeekDay | None:
    """Return a day with all its hours; None when it has none, or when no day was asked for."""
    slots = offer.between(day, day) if day else []
    if day is None or not slots:
        return None
    return WeekDay(
        day=day,
        morning=_half(slots, is_morning=True),
        afternoon=_half(slots, is_morning=False),
        is_today=False,
        why_closed="",
        count=len(slots),
    )


def _half(slots: Sequence[SlotButton], *, is_morning: bool) -> list[SlotButton]:
    return [slot for slot in slots if (slot.starts_at.hour < _NOON) == is_morning]


def _why_closed(offer: SlotOffer, day: date, *, today: date, last: date) -> str:
    """Return the text of a day without any slot."""
    if day < today:
        return _("Passé")
    if day > last:
        return _("Pas encore ouvert")
    # As the slots were computed: a holiday with hours of its own is a day like any other (B-17).
    location = offer.search.location
    if not offer.availability.is_closed_holiday(location.pk, day):
        return _("Rien de libre")
    by_law = public_holidays(
        territory=location.territory, postcode=location.postcode, year=day.year
    )
    # A customary day is no holiday by law.
    return _("Jour férié") if day in by_law else _("Fermé")


def _absence_message(away: Sequence[Away], day: date) -> str:
    """Return the message of the first absence of that day, with a colleague's name before it."""
    for absence in away:
        if absence.first_on <= day <= absence.last_on:
            name, message = absence.practitioner_name, absence.message
            return f"{name}\u00a0: {message}" if name else message
    return ""


def _next_week(offer: SlotOffer, days: Sequence[WeekDay]) -> date | None:
    """Return the first later day with a slot, when this week has none."""
    if any(day.count for day in days):
        return None
    found = offer.next_day(days[-1].day + timedelta(days=1))
    return found.day if found else None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _within(day: date, first: date, last: date) -> date:
    return max(first, min(day, last))


def _read_day(asked: str) -> date | None:
    try:
        year, month, day, *_rest = time.strptime(asked, "%Y-%m-%d")
        return date(year, month, day)
    except ValueError:
        return None
