"""Proof: each hour that is shown, held, sent or written to a calendar file is right, in each time zone of France.

The reference is `tests.naive`, which steps through local time minute by minute. Practices of each territory are
drawn by lot around the nights on which clocks move, the leap day and public holidays. Their pages are requested
at a pretended now: each start of the grid of each local day is a case, which the page proposes exactly when the
reference does; holds and expired holds are among the taken times. Then slots are pressed, first those near the
hour at which a clock moves: the time that the hold blocks, margins included, must be that of the reference, and
the page must not propose the slot any more. At last appointments are booked, some of them in the hour that
happens twice: the time at which the reminder is due, and the hour on the person's page, in the mails and in the
calendar file (read by its own VTIMEZONE) must be those of the reference.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.smtp import SmtpServer
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.guards import Guard, replace, replace_text, wrap

HOST = "temps.lib-rdv.localhost"
MINUTE = timedelta(minutes=1)
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)

PLACES = {
    "64210": "Europe/Paris",
    "67000": "Europe/Paris",
    "97400": "Indian/Reunion",
    "97600": "Indian/Mayotte",
    "97110": "America/Guadeloupe",
    "97200": "America/Martinique",
    "97300": "America/Cayenne",
    "97500": "America/Miquelon",
    "98713": "Pacific/Tahiti",
    "98742": "Pacific/Marquesas",
}
"""The time zone of each postcode."""
PARIS_NIGHTS = (date(2027, 3, 28), date(2027, 10, 31))
MIQUELON_NIGHTS = (date(2027, 3, 14), date(2027, 11, 7))
REPEATED_AT = {PARIS_NIGHTS[1]: 180, MIQUELON_NIGHTS[1]: 120}
"""Minutes from midnight to the second passage of the hour that happens twice."""
LEAP_DAY = date(2028, 2, 29)
OTHERS = (LEAP_DAY, date(2027, 5, 8), date(2027, 7, 14), date(2027, 12, 20), date(2027, 12, 31))

OVERSEAS_HOLIDAYS = {
    "971": [(5, 27)],
    "972": [(5, 22)],
    "973": [(6, 10)],
    "974": [(12, 20)],
    "976": [(4, 27)],
    "987": [(3, 5), (11, 20)],
}


# --- The guards -----------------------------------------------------------------------------------


def _keep_the_offset_of_midnight() -> None:
    from booking.rules import availability

    def stretches(zone: str, day: int) -> tuple[Any, ...]:
        start = datetime.combine(date.fromordinal(day), time.min, ZoneInfo(zone))
        return (availability.Stretch(0, 1440, int(start.timestamp()) // 60),)

    replace(availability, "stretches", stretches)


def _propose_the_repeated_hour_twice() -> None:
    from booking.rules import availability

    def stretches(call: Any, arguments: Any) -> Any:
        found = call()
        if len(found) == 2 and found[0].ends == found[1].starts:
            found = (found[0], availability.Stretch(found[1].starts - 60, 1440, found[1].shift))
        return found

    wrap(availability, "stretches", stretches)


def _add_margins_in_local_time() -> None:
    from booking.scheduling.slots import ResolvedSlot

    replace(ResolvedSlot, "__post_init__", lambda self: None)


def _count_expired_holds() -> None:
    from booking.scheduling import queries

    expired = "(held_until IS NULL OR held_until > %(now)s)"
    replace_text(queries, "_OCCUPYING", expired, "TRUE")


def _know_no_holidays() -> None:
    from booking.rules import holidays

    replace(holidays, "public_holidays", lambda *, territory, postcode, year, customary="": {})


def _take_the_eve_in_utc() -> None:
    from booking.rules import erasure

    def reminder_due(
        *, starts_at: datetime, zone: ZoneInfo, reminder_minute: int, booked_at: datetime
    ) -> datetime | None:
        eve = starts_at.astimezone(UTC).date() - timedelta(days=1)
        due = datetime.combine(eve, time(reminder_minute // 60, reminder_minute % 60), zone)
        return due.astimezone(UTC) if booked_at < due else None

    replace(erasure, "reminder_due", reminder_due)


def _show_the_hour_of_paris() -> None:
    from booking.messages import appointment_messages

    paris = ZoneInfo("Europe/Paris")
    start = property(lambda visit: visit.starts_at.astimezone(paris))
    replace(appointment_messages.MessageVisit, "start", start)


def _file_the_second_hour_as_the_first() -> None:
    from booking.formats import calendar_file

    replace(calendar_file, "wall_clock", lambda moment, zone: moment.astimezone(zone))


SLOTS, VISITS = ("slots",), ("visits",)
GUARDS = {
    "offset": Guard(
        "the offset of a day on which the clock moves is that of each minute",
        SLOTS,
        _keep_the_offset_of_midnight,
    ),
    "once": Guard(
        "a repeated local time is proposed once", SLOTS, _propose_the_repeated_hour_twice
    ),
    "margins": Guard("lengths and margins are real time", SLOTS, _add_margins_in_local_time),
    "holds": Guard("an expired hold hides no slot", SLOTS, _count_expired_holds),
    "holidays": Guard("public holidays of the territory are closed", SLOTS, _know_no_holidays),
    "eve": Guard("the eve is the local date before", VISITS, _take_the_eve_in_utc),
    "zone": Guard("messages show the hour of the place", VISITS, _show_the_hour_of_paris),
    "calendar": Guard(
        "the second 2:30 of the night is written in UTC", VISITS, _file_the_second_hour_as_the_first
    ),
}


# --- One practice, drawn by lot -------------------------------------------------------------------


@dataclass
class DrawnDataset:
    """A practice, its week and its now, drawn by lot from a seed."""

    postcode: str
    around: date
    seed: int
    lot: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.lot = random.Random(f"{self.postcode} {self.around} {self.seed}")
        self.zone = PLACES[self.postcode]
        self.clock = ZoneInfo(self.zone)
        self.monday = self.around - timedelta(days=self.around.weekday())
        before = self.lot.randrange(0, 5 * 1440)
        start = datetime.combine(self.monday, time.min, self.clock).astimezone(UTC)
        self.now = start - before * MINUTE - timedelta(seconds=self.lot.randrange(60))
        self.horizon = self.lot.choice([8, 11, 14])
        self.last_on = self.now.astimezone(self.clock).date() + timedelta(days=self.horizon)
        self.duration = self.lot.choice([15, 20, 30, 45, 60])
        self.step = self.lot.choice([5, 5, 10, 15])
        self.before, self.after = self.lot.choice([(0, 0), (0, 0), (5, 10), (15, 0)])
        self.min_notice = self.lot.choice([0, 0, 120, 2880])

    @property
    def week(self) -> list[date]:
        """The seven local dates of the page."""
        return [self.monday + timedelta(days=shift) for shift in range(7)]

    @property
    def holidays(self) -> set[date]:
        """The public holidays of the years of this week, by the law and not by the product."""
        from dateutil.easter import easter  # type: ignore[import-untyped]

        found = set()
        for year in {self.monday.year, self.last_on.year}:
            sunday = easter(year)
            found |= {sunday + timedelta(days=days) for days in (1, 39, 50)}
            fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
            fixed += OVERSEAS_HOLIDAYS.get(self.postcode[:3], [])
            if self.postcode.startswith("67"):
                fixed.append((12, 26))
            if self.postcode.startswith(("67", "987")):
                found.add(sunday - timedelta(days=2))
            found |= {date(year, *each) for each in fixed}
        return found

    def ranges(self) -> list[tuple[int, int]]:
        """Draw some ranges of one day in minutes, the night included, when clocks move."""
        some = [(540, 720), (840, 1110), (480, 1200), (600, 605), (1380, 1440), (0, 330), (60, 255)]
        return [
            (start + 5 * self.lot.randrange(6), end)
            for start, end in self.lot.sample(some, self.lot.randrange(1, 4))
            if start + 25 < end
        ]


class PracticeTables:
    """The tables of the practice; they are written again for each dataset."""

    def __init__(self, environment: ProofEnvironment) -> None:
        from tenants.schema import inside
        from tests import factories

        self.unit = environment.add_tenant(HOST)
        with inside(self.unit):
            self.cabinet = factories.Cabinet(reminder_minute=18 * 60)

    def write(self, dataset: DrawnDataset) -> Any:
        """Write a dataset into the tables; return the same facts for the reference."""
        from booking import models
        from tenants.schema import inside

        with inside(self.unit):
            for model in (
                models.PatientContact,
                models.Appointment,
                models.OpeningHours,
                models.OpeningException,
                models.Absence,
                models.HolidayOpening,
            ):
                model._default_manager.all().delete()
            models.Location.objects.update(
                time_zone=dataset.zone, postcode=dataset.postcode, territory=""
            )
            models.AppointmentType.objects.update(
                duration_min=dataset.duration,
                step_min=dataset.step,
                buffer_before_min=dataset.before,
                buffer_after_min=dataset.after,
                min_notice_min=dataset.min_notice,
                horizon_days=dataset.horizon,
            )
            for row in (self.cabinet.location, self.cabinet.type):
                row.refresh_from_db()
            return self._reference(dataset)

    def _reference(self, dataset: DrawnDataset) -> Any:
        from booking.rules.availability import (
            Agenda,
            Place,
            SlotShape,
        )

        hours = [each for weekday in range(7) for each in self._hours(dataset, weekday)]
        exceptions = list(self._exceptions(dataset))
        opened = self._opened(dataset)
        busy = [*self._busy(dataset), *self._absences(dataset)]
        seconds = dataset.now.timestamp() + dataset.min_notice * 60
        return (
            Agenda(self.cabinet.practitioner.pk, hours, exceptions, sorted(busy)),
            Place(1, dataset.zone, frozenset(dataset.holidays - opened), dataset.last_on),
            SlotShape(
                0,
                dataset.duration,
                dataset.before,
                dataset.after,
                dataset.step,
                -int(-seconds // 60),
            ),
        )

    def _hours(self, dataset: DrawnDataset, weekday: int) -> Iterator[Any]:
        from booking.models import OpeningHours
        from booking.rules.opening_hours import WeeklyHours

        for starts, ends in dataset.ranges():
            limits: dict[str, Any] = {}
            if dataset.lot.random() < 0.15:
                limits = {"every_n_weeks": 2, "anchor": dataset.monday - timedelta(days=11)}
            if dataset.lot.random() < 0.1:
                limits["valid_to"] = dataset.week[dataset.lot.randrange(7)]
            stored = {("anchor_on" if key == "anchor" else key): limits[key] for key in limits}
            OpeningHours.objects.create(
                practitioner=self.cabinet.practitioner,
                location=self.cabinet.location,
                weekday=weekday,
                starts_min=starts,
                ends_min=ends,
                **stored,
            )
            yield WeeklyHours(1, weekday, starts, ends, **limits)

    def _exceptions(self, dataset: DrawnDataset) -> Iterator[Any]:
        from booking.models import OpeningException
        from booking.rules.opening_hours import DayException

        for _ in range(dataset.lot.randrange(2)):
            on = dataset.lot.choice(dataset.week)
            starts, ends = dataset.lot.choice([(None, None), (570, 690), (100, 300)])
            OpeningException.objects.create(
                practitioner=self.cabinet.practitioner,
                location=self.cabinet.location,
                on_date=on,
                starts_min=starts,
                ends_min=ends,
            )
            yield DayException(1, on, starts, ends)

    def _opened(self, dataset: DrawnDataset) -> set[date]:
        from booking.models import HolidayOpening

        opened = {on for on in dataset.holidays if on in dataset.week and dataset.seed % 2}
        for on in opened:
            HolidayOpening.objects.create(location=self.cabinet.location, on_date=on)
        return opened

    def _absences(self, dataset: DrawnDataset) -> Iterator[tuple[int, int]]:
        from booking.models import Absence

        for _ in range(dataset.lot.randrange(3)):
            start = _instant(dataset.week[0]) + dataset.lot.randrange(7 * 86_400) * timedelta(
                seconds=1
            )
            end = start + dataset.lot.randrange(60, 30_000) * timedelta(seconds=1)
            practitioner = dataset.lot.choice([self.cabinet.practitioner, None])
            Absence.objects.create(practitioner=practitioner, starts_at=start, ends_at=end)
            yield int(start.timestamp()) // 60, -(-int(end.timestamp()) // 60)

    def _busy(self, dataset: DrawnDataset) -> Iterator[tuple[int, int]]:
        """Write appointments and holds that do not overlap; yield the intervals that block their time."""
        from booking.models import Appointment

        minute = int(_instant(dataset.week[0]).timestamp()) // 60 - 720
        rows = []
        for _ in range(30):
            minute += dataset.lot.randrange(10, 600)
            end = minute + dataset.lot.randrange(5, 120)
            start_at, end_at = (_EPOCH + MINUTE * at for at in (minute, end))
            state, held_until, is_taken = dataset.lot.choice(_STATES)
            rows.append(
                Appointment(
                    practitioner=self.cabinet.practitioner,
                    location=self.cabinet.location,
                    appointment_type=self.cabinet.type,
                    status=state,
                    starts_at=start_at,
                    ends_at=end_at,
                    during=(start_at, end_at),
                    held_until=None if held_until is None else dataset.now + held_until,
                    booked_at=dataset.now if held_until is None else None,
                )
            )
            if is_taken:
                yield minute, end
            minute = end
        Appointment.objects.bulk_create(rows)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATES = (
    ("booked", None, True),
    ("fulfilled", None, True),
    ("held", timedelta(seconds=1), True),
    ("held", timedelta(0), False),
    ("held", -timedelta(hours=3), False),
    ("cancelled_by_patient", None, False),
)


def _instant(on: date) -> datetime:
    return datetime.combine(on, time.min, UTC)


# --- Slots on the pages ---------------------------------------------------------------------------

_BUTTON = re.compile(r'<button class="slot" name="slot" value="(([0-9a-z]+)-[^"]*)">([^<]*)')
_HIDDEN = re.compile(r'<input type="hidden" name="(token|appointment_type)" value="([^"]*)"')
_DAY = re.compile(r"jour=(\d{4}-\d\d-\d\d)")


class PageVisitor:
    """Requests pages of the product at a pretended now, each time from another network."""

    def __init__(self) -> None:
        from django.test import Client

        self.client = Client()
        self.visits = 0

    def get(self, path: str, *, now: datetime) -> str:
        """Return the page; RuntimeError for any status but 200."""
        answer = self._send("GET", path, {}, now)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
        return str(answer.content.decode())

    def press(self, slot: str, page: str, *, now: datetime) -> int:
        """Press the button of a free slot of ``page``; return the status."""
        sent = dict(_HIDDEN.findall(page)) | {"slot": slot}
        return int(self._send("POST", "/reserver/", sent, now).status_code)

    def _send(self, method: str, path: str, sent: dict[str, str], now: datetime) -> Any:
        import time_machine

        self.visits += 1
        network = f"10.{self.visits >> 8 & 255}.{self.visits & 255}.7"
        headers = {"host": HOST, "x-forwarded-for": network}
        with time_machine.travel(now, tick=False):
            return getattr(self.client, method.lower())(path, sent, headers=headers)


def check_slots(
    tables: PracticeTables, visitor: PageVisitor, dataset: DrawnDataset, counter: CaseCounter
) -> None:
    """Compare each start of the grid of one week with the starts that the page proposes."""
    from tests.naive import free_on, ranges_of

    agenda, place, query = tables.write(dataset)
    week = visitor.get(f"/creneaux/?semaine={dataset.monday:%Y-%m-%d}", now=dataset.now)
    # A day with many slots shows the rest of them on its own page.
    crowded = sorted(set(_DAY.findall(week)))
    days = [visitor.get(f"/creneaux/?jour={day}", now=dataset.now) for day in crowded]
    offered = {
        (_EPOCH + MINUTE * int(minute, 36), unescape(clock).replace("\u00a0", " ").strip())
        for page in (week, *days)
        for _value, minute, clock in _BUTTON.findall(page)
    }
    for on in dataset.week:
        expected = {
            (start, _clock(start, dataset.clock)) for start in free_on(agenda, place, query, on)
        }
        seen = {pair for pair in offered if pair[0].astimezone(dataset.clock).date() == on}
        clocks = {
            f"{minute // 60} h {minute % 60:02d}"
            for starts, ends in ranges_of(agenda, place, query.appointment_type, on)
            for minute in range(starts, ends, query.step)
        }
        wrong = {clock for _start, clock in expected ^ seen}
        for shown in clocks | wrong:
            counter.count(
                f"slots: {dataset.zone}",
                (dataset.postcode, dataset.around, dataset.seed, on, shown),
                failed=shown in wrong,
                seen=shown,
            )
        offered -= seen
    counter.count(
        "slots: of no other week",
        (dataset.postcode, dataset.around, dataset.seed),
        failed=bool(offered),
    )
    check_hold(tables, visitor, dataset, (week, *days), counter)


def check_hold(
    tables: PracticeTables,
    visitor: PageVisitor,
    dataset: DrawnDataset,
    pages: tuple[str, ...],
    counter: CaseCounter,
) -> None:
    """Press slots of these pages, one at a time, and compare the time that each hold blocks."""
    from booking.models import Appointment
    from tenants.schema import inside

    found = {
        _EPOCH + MINUTE * int(minute, 36): (value, page)
        for page in pages
        for value, minute, _clock in _BUTTON.findall(page)
    }
    for start in _pressed(dataset, sorted(found)):
        value, page = found[start]
        status = visitor.press(value, page, now=dataset.now)
        with inside(tables.unit):
            rows = Appointment.objects.filter(starts_at=start, held_until__gt=dataset.now)
            kept = [(row.ends_at, row.during.lower, row.during.upper) for row in rows]
        end = start + dataset.duration * MINUTE
        expected = (end, start - dataset.before * MINUTE, end + dataset.after * MINUTE)
        on = start.astimezone(dataset.clock).date()
        again = visitor.get(f"/creneaux/?jour={on}", now=dataset.now)
        counter.count(
            f"hold: {dataset.zone}",
            (dataset.postcode, dataset.around, dataset.seed, start),
            failed=status != 303 or kept != [expected] or value in again,
            seen=(status, kept),
        )
        with inside(tables.unit):
            rows.delete()


def _pressed(dataset: DrawnDataset, starts: list[datetime]) -> list[datetime]:
    """Draw six starts, and six of those within the hours in which a clock may move."""
    midnight = datetime.combine(dataset.around, time.min, dataset.clock).astimezone(UTC)
    near = [at for at in starts if 45 * MINUTE <= at - midnight <= 255 * MINUTE]
    drawn = {at for some in (starts, near) for at in dataset.lot.sample(some, min(len(some), 6))}
    return sorted(drawn)


def _clock(start: datetime, clock: ZoneInfo) -> str:
    local = start.astimezone(clock)
    return f"{local.hour} h {local.minute:02d}"


# --- Reminders, messages, calendar files ----------------------------------------------------------

_PHRASE = re.compile(
    rf"({'|'.join(DAYS)}) (1er|\d+) ({'|'.join(MONTHS)})(?: (\d{{4}}))? à (\d+) h(?: (\d\d))?"
)
_WHEN = re.compile(r"^DT(START|END)(?:;TZID=([^:]+))?:(\d{8}T\d{6})(Z?)\r?$", re.MULTILINE)


def check_visit(
    tables: PracticeTables,
    visitor: PageVisitor,
    relay: SmtpServer,
    dataset: DrawnDataset,
    counter: CaseCounter,
) -> None:
    """Book one appointment as a secretary; compare each instant that is derived from it."""
    from booking.models import Appointment, Practice
    from booking.patients.links import manage_token
    from tenants.outbox.models import OutboxEntry
    from tenants.schema import inside
    from tests import factories
    from tests.naive import eve

    tables.write(dataset)
    start = _drawn_start(dataset)
    booked_at = start - timedelta(minutes=dataset.lot.choice([300, 2000, 4000, 20_000]))
    minute = dataset.lot.randrange(8 * 60, 20 * 60)
    with inside(tables.unit):
        Appointment.objects.all().delete()
        OutboxEntry.objects.all().delete()
        Practice.objects.update(reminder_minute=minute)
        booked = factories.make_appointment(
            tables.cabinet,
            start,
            person=factories.make_person(email=f"{uuid.uuid4().hex[:8]}@personne.example"),
            now=booked_at,
        )
        entries = {entry.kind: entry for entry in OutboxEntry.objects.all()}
        token = manage_token(booked)
    case = (dataset.postcode, dataset.around, dataset.seed, start)
    due = eve(start, dataset.zone, minute)
    reminder = entries.get("booking.reminder")
    seen_due = reminder.due_at if reminder else None
    expected_due = due if booked_at < due else None
    counter.count("the eve", case, failed=seen_due != expected_due, seen=seen_due)
    phrase = _in_french(start, dataset.clock, today=booked_at.astimezone(dataset.clock).date())
    page = visitor.get(f"/rdv/{token}/", now=booked_at)
    shown = phrase.lower() in unescape(page).replace("\u00a0", " ").lower()
    counter.count("the person's page", case, failed=not shown, seen=phrase)
    end = start + dataset.duration * MINUTE
    file = visitor.get(f"/rdv/{token}/rendez-vous.ics", now=booked_at)
    _check_file(counter, "file of the page", case, file, (start, end))
    mail = _deliver(tables, relay, entries["booking.confirmation"], now=booked_at)
    _check_mail(counter, "confirmation", case, mail, phrase)
    attached = [part for part in mail.message.walk() if part.get_content_type() == "text/calendar"]
    _check_file(
        counter,
        "file of the mail",
        case,
        attached[0].get_payload(decode=True).decode(),
        (start, end),
    )
    if reminder and expected_due:
        # It is delivered at the expected instant, even when a removed guard has written another one.
        with inside(tables.unit):
            OutboxEntry.objects.filter(pk=reminder.pk).update(due_at=due, expires_at=None)
        mail = _deliver(tables, relay, reminder, now=due)
        phrase = _in_french(start, dataset.clock, today=due.astimezone(dataset.clock).date())
        _check_mail(counter, "reminder", case, mail, phrase)
        text = " ".join(mail.part("plain").split())
        counter.count("reminder: demain", case, failed="de demain" not in text, seen=text[:80])


def _drawn_start(dataset: DrawnDataset) -> datetime:
    """Draw a start, often in the hours around midnight or those in which clocks move."""
    midnight = datetime.combine(dataset.around, time.min, dataset.clock).astimezone(UTC)
    if dataset.seed % 2 == 0 and dataset.around in REPEATED_AT:
        return midnight + (REPEATED_AT[dataset.around] + dataset.lot.randrange(12) * 5) * MINUTE
    minutes = dataset.lot.choice(
        [
            dataset.lot.randrange(-30, 300),
            dataset.lot.randrange(120, 260),
            dataset.lot.randrange(0, 1440),
            dataset.lot.randrange(1380, 1500),
        ]
    )
    return midnight + minutes // 5 * 5 * MINUTE


def _in_french(start: datetime, clock: ZoneInfo, *, today: date) -> str:
    """Write the local hour in French, without the product's code."""
    local = start.astimezone(clock)
    words = [DAYS[local.weekday()], "1er" if local.day == 1 else str(local.day)]
    words.append(MONTHS[local.month - 1])
    if local.year != today.year:
        words.append(str(local.year))
    minutes = f" {local.minute:02d}" if local.minute else ""
    return f"{' '.join(words)} à {local.hour} h{minutes}"


def _deliver(tables: PracticeTables, relay: SmtpServer, entry: Any, *, now: datetime) -> Any:
    """Deliver one entry by the worker's function; return the mail that the relay got."""
    import time_machine

    from tenants.outbox.delivery import deliver_entry

    before = len(relay.deliveries)
    with time_machine.travel(now, tick=False):
        outcome = deliver_entry(unit=tables.unit, ref=entry.ref, now=now, clock=lambda: now)
    if len(relay.deliveries) != before + 1:
        raise RuntimeError(f"{entry.kind} was not sent: {outcome}")
    return list(relay.deliveries)[-1]


def _check_mail(
    counter: CaseCounter, kind: str, case: tuple[Any, ...], mail: Any, phrase: str
) -> None:
    # No-break spaces tie an hour together; the text of the next line does not belong to it.
    text = mail.part("plain").replace("\u00a0", " ").lower()
    mentions = {match.group(0) for match in _PHRASE.finditer(text)}
    counter.count(f"{kind}: the hour", case, failed=mentions != {phrase.lower()}, seen=mentions)


def _check_file(
    counter: CaseCounter,
    kind: str,
    case: tuple[Any, ...],
    file: str,
    instants: tuple[datetime, ...],
) -> None:
    """Read the instants of a calendar file by its own VTIMEZONE, and compare them."""
    event = file.partition("BEGIN:VEVENT")[2]
    found = tuple(
        _instant_of_file(file, zone, local_time, is_utc=bool(utc))
        for _name, zone, local_time, utc in sorted(_WHEN.findall(event), reverse=True)
    )
    counter.count(kind, case, failed=found != instants, seen=found)


def _instant_of_file(file: str, zone: str, local_time: str, *, is_utc: bool) -> datetime:
    from dateutil.tz import tzical  # type: ignore[import-untyped]

    naive = datetime.strptime(local_time, "%Y%m%dT%H%M%S")  # noqa: DTZ007  # its zone is the file's
    if is_utc:
        return naive.replace(tzinfo=UTC)
    rules = tzical(StringIO(file.replace("\r\n ", "").replace("\r\n", "\n"))).get(zone)
    return naive.replace(tzinfo=rules).astimezone(UTC)


# --- The proof ------------------------------------------------------------------------------------


def _datasets(*, seeds: int) -> Iterator[DrawnDataset]:
    for postcode in PLACES:
        nights = MIQUELON_NIGHTS if postcode == "97500" else PARIS_NIGHTS
        for around in (*nights, *OTHERS):
            for seed in range(seeds):
                yield DrawnDataset(postcode, around, seed)


def _short_datasets() -> Iterator[DrawnDataset]:
    chosen = [
        ("64210", PARIS_NIGHTS[0]),
        ("67000", PARIS_NIGHTS[0]),
        ("64210", PARIS_NIGHTS[1]),
        ("97500", MIQUELON_NIGHTS[1]),
        ("98713", LEAP_DAY),
        ("97400", OTHERS[3]),
        ("97200", OTHERS[2]),
    ]
    for postcode, around in chosen:
        for seed in range(2):
            yield DrawnDataset(postcode, around, seed)


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Check all datasets; with ``sabotage`` the short ones, in the sections of the guard."""
    guard = GUARDS[sabotage] if sabotage else None
    counter = CaseCounter(guard)
    is_short = short or sabotage is not None
    with (
        SmtpServer() as relay,
        open_environment(
            proof="time", sabotage=sabotage, MAIL_PROVIDER="smtp", EMAIL_URL=relay.url
        ) as environment,
    ):
        sections: tuple[str, ...] = SLOTS + VISITS
        if guard is not None:
            guard.remove_from_process()
            sections = guard.sections
        tables, visitor = PracticeTables(environment), PageVisitor()
        if "slots" in sections:
            for dataset in _short_datasets() if is_short else _datasets(seeds=5):
                check_slots(tables, visitor, dataset, counter)
        if "visits" in sections:
            for dataset in _short_datasets() if is_short else _datasets(seeds=8):
                check_visit(tables, visitor, relay, dataset, counter)
    return counter.report("time", pages=visitor.visits)
