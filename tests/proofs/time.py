"""Every hour that is shown, held, sent or filed, against a reference that counts minutes on a clock.

Practices of every territory are drawn by lot around the nights when clocks move, the leap day and
public holidays. Their pages are asked for at a pretended now: each start of the grid of each local
day is a case, proposed or not as `tests.naive` says it must be, holds that live and holds that have
expired among what is taken. Slots are pressed, those around the hour when a clock moves before all:
the time that is kept from others, margins and all, must be the naive one, and the page must not
propose it any more. Then appointments are booked, some of them in the hour that happens
twice: when the reminder is due, the hour on the person's page, in the mails and in the .ics (read by
its own VTIMEZONE) must all be the naive one.
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
from tests.proofs.sabotage import Guard
from tests.proofs.stage import Stage, set_stage
from tests.proofs.tally import Tally

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
"""Postcode to zone."""
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


def _keep_midnights_offset() -> None:
    from booking import availability

    def fixed(zone: str, day: int) -> tuple[Any, ...]:
        start = datetime.combine(date.fromordinal(day), time.min, ZoneInfo(zone))
        return (availability.Stretch(0, 1440, int(start.timestamp()) // 60),)

    availability.stretches = fixed  # type: ignore[assignment]


def _propose_the_repeated_hour_twice() -> None:
    from booking import availability

    exact = availability.stretches

    def twice(zone: str, day: int) -> tuple[Any, ...]:
        found = exact(zone, day)
        if len(found) == 2 and found[0].ends == found[1].starts:
            found = (found[0], availability.Stretch(found[1].starts - 60, 1440, found[1].shift))
        return found

    availability.stretches = twice  # type: ignore[assignment]


def _add_margins_on_the_clock_of_the_wall() -> None:
    from booking.services.choice import Placed

    Placed.__post_init__ = lambda self: None  # type: ignore[method-assign]


def _believe_expired_holds() -> None:
    from booking import queries

    queries._OCCUPYING = queries._OCCUPYING.replace(
        "(held_until IS NULL OR held_until > %(now)s)", "TRUE"
    )


def _forget_holidays() -> None:
    from booking import queries

    vars(queries)["public_holidays"] = lambda **_place: {}


def _take_the_eve_in_utc() -> None:
    from booking import erasure

    def reminder_due(
        *, starts_at: datetime, zone: ZoneInfo, reminder_minute: int, booked_at: datetime
    ) -> datetime | None:
        eve = starts_at.astimezone(UTC).date() - timedelta(days=1)
        due = datetime.combine(eve, time(reminder_minute // 60, reminder_minute % 60), zone)
        return due.astimezone(UTC) if booked_at < due else None

    erasure.reminder_due = reminder_due


def _show_the_hour_of_paris() -> None:
    from booking import messages

    paris = ZoneInfo("Europe/Paris")
    messages.Visit.start = property(lambda visit: visit.starts_at.astimezone(paris))  # type: ignore[assignment,method-assign]


def _file_the_second_hour_as_the_first() -> None:
    from booking import calendar_file

    calendar_file.wall_clock = lambda moment, zone: moment.astimezone(zone)


SLOTS, VISITS = ("slots",), ("visits",)
GUARDS = {
    "offset": Guard(
        "the offset of a date that moves its clock is per minute", SLOTS, _keep_midnights_offset
    ),
    "once": Guard("a repeated wall time is proposed once", SLOTS, _propose_the_repeated_hour_twice),
    "margins": Guard(
        "lengths and margins are real time", SLOTS, _add_margins_on_the_clock_of_the_wall
    ),
    "holds": Guard("an expired hold hides nothing", SLOTS, _believe_expired_holds),
    "holidays": Guard("public holidays of the territory are closed", SLOTS, _forget_holidays),
    "eve": Guard("la veille is the local date before", VISITS, _take_the_eve_in_utc),
    "zone": Guard("messages show the hour of the place", VISITS, _show_the_hour_of_paris),
    "calendar": Guard(
        "the second 2:30 of the night is filed in UTC", VISITS, _file_the_second_hour_as_the_first
    ),
}


# --- One practice, drawn by lot -------------------------------------------------------------------


@dataclass
class World:
    """One practice as it is written in the tables, and as the reference reads it."""

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
        self.notice = self.lot.choice([0, 0, 120, 2880])

    @property
    def week(self) -> list[date]:
        """The seven local dates of the page."""
        return [self.monday + timedelta(days=shift) for shift in range(7)]

    @property
    def holidays(self) -> set[date]:
        """The public holidays of this week and the next, written by hand."""
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
        """Some ranges of one day; nights too, where the clock moves."""
        some = [(540, 720), (840, 1110), (480, 1200), (600, 605), (1380, 1440), (0, 330), (60, 255)]
        return [
            (start + 5 * self.lot.randrange(6), end)
            for start, end in self.lot.sample(some, self.lot.randrange(1, 4))
            if start + 25 < end
        ]


class Stand:
    """The practice of the proof, written again for each world."""

    def __init__(self, stage: Stage) -> None:
        from tenants.schema import inside
        from tests import factories

        self.unit = stage.add_tenant(HOST)
        with inside(self.unit):
            self.cabinet = factories.Cabinet(reminder_minute=18 * 60)

    def write(self, world: World) -> Any:
        """Write a world into the tables; return what the reference reads."""
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
                time_zone=world.zone, postcode=world.postcode, territory=""
            )
            models.AppointmentType.objects.update(
                duration_min=world.duration,
                step_min=world.step,
                buffer_before_min=world.before,
                buffer_after_min=world.after,
                min_notice_min=world.notice,
                horizon_days=world.horizon,
            )
            for row in (self.cabinet.location, self.cabinet.type):
                row.refresh_from_db()
            return self._reference(world)

    def _reference(self, world: World) -> Any:
        from booking.availability import Agenda, Place, Wanted

        hours = [each for weekday in range(7) for each in self._hours(world, weekday)]
        exceptions = list(self._exceptions(world))
        opened = self._opened(world)
        busy = [*self._busy(world), *self._absences(world)]
        seconds = world.now.timestamp() + world.notice * 60
        return (
            Agenda(self.cabinet.practitioner.pk, hours, exceptions, sorted(busy)),
            Place(1, world.zone, frozenset(world.holidays - opened), world.last_on),
            Wanted(0, world.duration, world.before, world.after, world.step, -int(-seconds // 60)),
        )

    def _hours(self, world: World, weekday: int) -> Iterator[Any]:
        from booking.availability import WeeklyHours
        from booking.models import OpeningHours

        for starts, ends in world.ranges():
            limits: dict[str, Any] = {}
            if world.lot.random() < 0.15:
                limits = {"every_n_weeks": 2, "anchor": world.monday - timedelta(days=11)}
            if world.lot.random() < 0.1:
                limits["valid_to"] = world.week[world.lot.randrange(7)]
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

    def _exceptions(self, world: World) -> Iterator[Any]:
        from booking.availability import DayException
        from booking.models import OpeningException

        for _ in range(world.lot.randrange(2)):
            on = world.lot.choice(world.week)
            starts, ends = world.lot.choice([(None, None), (570, 690), (100, 300)])
            OpeningException.objects.create(
                practitioner=self.cabinet.practitioner,
                location=self.cabinet.location,
                on_date=on,
                starts_min=starts,
                ends_min=ends,
            )
            yield DayException(1, on, starts, ends)

    def _opened(self, world: World) -> set[date]:
        from booking.models import HolidayOpening

        opened = {on for on in world.holidays if on in world.week and world.seed % 2}
        for on in opened:
            HolidayOpening.objects.create(location=self.cabinet.location, on_date=on)
        return opened

    def _absences(self, world: World) -> Iterator[tuple[int, int]]:
        from booking.models import Absence

        for _ in range(world.lot.randrange(3)):
            start = _instant(world.week[0]) + world.lot.randrange(7 * 86_400) * timedelta(seconds=1)
            end = start + world.lot.randrange(60, 30_000) * timedelta(seconds=1)
            who = world.lot.choice([self.cabinet.practitioner, None])
            Absence.objects.create(practitioner=who, starts_at=start, ends_at=end)
            yield int(start.timestamp()) // 60, -(-int(end.timestamp()) // 60)

    def _busy(self, world: World) -> Iterator[tuple[int, int]]:
        """Appointments and holds that do not overlap; what takes time is yielded."""
        from booking.models import Appointment

        minute = int(_instant(world.week[0]).timestamp()) // 60 - 720
        rows = []
        for _ in range(30):
            minute += world.lot.randrange(10, 600)
            end = minute + world.lot.randrange(5, 120)
            start_at, end_at = (_EPOCH + MINUTE * at for at in (minute, end))
            state, held_until, is_taken = world.lot.choice(_STATES)
            rows.append(
                Appointment(
                    practitioner=self.cabinet.practitioner,
                    location=self.cabinet.location,
                    appointment_type=self.cabinet.type,
                    status=state,
                    starts_at=start_at,
                    ends_at=end_at,
                    during=(start_at, end_at),
                    held_until=None if held_until is None else world.now + held_until,
                    booked_at=world.now if held_until is None else None,
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
_HIDDEN = re.compile(r'<input type="hidden" name="(token|motif)" value="([^"]*)"')
_DAY = re.compile(r"jour=(\d{4}-\d\d-\d\d)")


class Visitor:
    """Asks the application for pages, at a pretended now, each time from another network."""

    def __init__(self) -> None:
        from django.test import Client

        self.client = Client()
        self.visits = 0

    def get(self, path: str, *, now: datetime) -> str:
        """Return the page; anything but 200 is an error of the proof."""
        answer = self._ask("GET", path, {}, now)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
        return str(answer.content.decode())

    def press(self, slot: str, page: str, *, now: datetime) -> int:
        """Press the button of a free slot of ``page``; return the status of the answer."""
        sent = dict(_HIDDEN.findall(page)) | {"slot": slot}
        return int(self._ask("POST", "/reserver/", sent, now).status_code)

    def _ask(self, method: str, path: str, sent: dict[str, str], now: datetime) -> Any:
        import time_machine

        self.visits += 1
        network = f"10.{self.visits >> 8 & 255}.{self.visits & 255}.7"
        headers = {"host": HOST, "x-forwarded-for": network}
        with time_machine.travel(now, tick=False):
            return getattr(self.client, method.lower())(path, sent, headers=headers)


def check_slots(stand: Stand, visitor: Visitor, world: World, tally: Tally) -> None:
    """Compare every start of the grid of one week with what the page offers."""
    from tests.naive import free_on, ranges_of

    agenda, place, wanted = stand.write(world)
    week = visitor.get(f"/creneaux/?semaine={world.monday:%Y-%m-%d}", now=world.now)
    # A crowded day shows the rest of its hours on its own page.
    crowded = sorted(set(_DAY.findall(week)))
    days = [visitor.get(f"/creneaux/?jour={day}", now=world.now) for day in crowded]
    offered = {
        (_EPOCH + MINUTE * int(minute, 36), unescape(clock).replace("\u00a0", " ").strip())
        for page in (week, *days)
        for _value, minute, clock in _BUTTON.findall(page)
    }
    for on in world.week:
        expected = {
            (start, _clock(start, world.clock)) for start in free_on(agenda, place, wanted, on)
        }
        seen = {pair for pair in offered if pair[0].astimezone(world.clock).date() == on}
        walls = {
            f"{wall // 60} h {wall % 60:02d}"
            for starts, ends in ranges_of(agenda, place, wanted.motif, on)
            for wall in range(starts, ends, wanted.step)
        }
        wrong = {clock for _start, clock in expected ^ seen}
        for wall in walls | wrong:
            tally.count(
                f"slots: {world.zone}",
                (world.postcode, world.around, world.seed, on, wall),
                failed=wall in wrong,
                seen=wall,
            )
        offered -= seen
    tally.count(
        "slots: of no other week", (world.postcode, world.around, world.seed), failed=bool(offered)
    )
    check_held(stand, visitor, world, (week, *days), tally)


def check_held(
    stand: Stand, visitor: Visitor, world: World, pages: tuple[str, ...], tally: Tally
) -> None:
    """Press slots of these pages, one at a time, and compare the time that each keeps from others."""
    from booking.models import Appointment
    from tenants.schema import inside

    found = {
        _EPOCH + MINUTE * int(minute, 36): (value, page)
        for page in pages
        for value, minute, _clock in _BUTTON.findall(page)
    }
    for start in _pressed(world, sorted(found)):
        value, page = found[start]
        status = visitor.press(value, page, now=world.now)
        with inside(stand.unit):
            rows = Appointment.objects.filter(starts_at=start, held_until__gt=world.now)
            kept = [(row.ends_at, row.during.lower, row.during.upper) for row in rows]
        end = start + world.duration * MINUTE
        expected = (end, start - world.before * MINUTE, end + world.after * MINUTE)
        on = start.astimezone(world.clock).date()
        again = visitor.get(f"/creneaux/?jour={on}", now=world.now)
        tally.count(
            f"held: {world.zone}",
            (world.postcode, world.around, world.seed, start),
            failed=status != 200 or kept != [expected] or value in again,
            seen=(status, kept),
        )
        with inside(stand.unit):
            rows.delete()


def _pressed(world: World, starts: list[datetime]) -> list[datetime]:
    """Draw a few starts; of those within the hours in which a clock may move, as many again."""
    midnight = datetime.combine(world.around, time.min, world.clock).astimezone(UTC)
    near = [at for at in starts if 45 * MINUTE <= at - midnight <= 255 * MINUTE]
    drawn = {at for some in (starts, near) for at in world.lot.sample(some, min(len(some), 6))}
    return sorted(drawn)


def _clock(start: datetime, clock: ZoneInfo) -> str:
    local = start.astimezone(clock)
    return f"{local.hour} h {local.minute:02d}"


# --- Reminders, messages, calendar files ----------------------------------------------------------

_SAID = re.compile(
    rf"({'|'.join(DAYS)}) (1er|\d+) ({'|'.join(MONTHS)})(?: (\d{{4}}))? à (\d+) h(?: (\d\d))?"
)
_WHEN = re.compile(r"^DT(START|END)(?:;TZID=([^:]+))?:(\d{8}T\d{6})(Z?)\r?$", re.MULTILINE)


def check_visit(
    stand: Stand, visitor: Visitor, relay: SmtpServer, world: World, tally: Tally
) -> None:
    """Book one appointment by hand and compare every instant that follows from it."""
    from booking.models import Appointment, Practice
    from booking.services.links import manage_token
    from tenants.outbox.models import OutboxEntry
    from tenants.schema import inside
    from tests import factories
    from tests.naive import eve

    stand.write(world)
    start = _drawn_start(world)
    told_at = start - timedelta(minutes=world.lot.choice([300, 2000, 4000, 20_000]))
    minute = world.lot.randrange(8 * 60, 20 * 60)
    with inside(stand.unit):
        Appointment.objects.all().delete()
        OutboxEntry.objects.all().delete()
        Practice.objects.update(reminder_minute=minute)
        booked = factories.make_appointment(
            stand.cabinet,
            start,
            person=factories.make_person(email=f"{uuid.uuid4().hex[:8]}@personne.example"),
            now=told_at,
        )
        entries = {entry.kind: entry for entry in OutboxEntry.objects.all()}
        token = manage_token(booked)
    case = (world.postcode, world.around, world.seed, start)
    due = eve(start, world.zone, minute)
    reminder = entries.get("booking.reminder")
    seen_due = reminder.due_at if reminder else None
    expected_due = due if told_at < due else None
    tally.count("la veille", case, failed=seen_due != expected_due, seen=seen_due)
    said = _said(start, world.clock, today=told_at.astimezone(world.clock).date())
    page = visitor.get(f"/rdv/{token}/", now=told_at)
    shown = said.lower() in unescape(page).replace("\u00a0", " ").lower()
    tally.count("the person's page", case, failed=not shown, seen=said)
    end = start + world.duration * MINUTE
    file = visitor.get(f"/rdv/{token}/rendez-vous.ics", now=told_at)
    _check_file(tally, "file of the page", case, file, (start, end))
    mail = _deliver(stand, relay, entries["booking.confirmation"], now=told_at)
    _check_mail(tally, "confirmation", case, mail, said)
    attached = [part for part in mail.message.walk() if part.get_content_type() == "text/calendar"]
    _check_file(
        tally, "file of the mail", case, attached[0].get_payload(decode=True).decode(), (start, end)
    )
    if reminder and expected_due:
        # Delivered when the place says so, even when a removed guard wrote another instant.
        with inside(stand.unit):
            OutboxEntry.objects.filter(pk=reminder.pk).update(due_at=due, expires_at=None)
        mail = _deliver(stand, relay, reminder, now=due)
        said = _said(start, world.clock, today=due.astimezone(world.clock).date())
        _check_mail(tally, "reminder", case, mail, said)
        text = " ".join(mail.part("plain").split())
        tally.count("reminder: demain", case, failed="de demain" not in text, seen=text[:80])


def _drawn_start(world: World) -> datetime:
    """A start of the week, often in the hours around midnight or those in which clocks move."""
    midnight = datetime.combine(world.around, time.min, world.clock).astimezone(UTC)
    if world.seed % 2 == 0 and world.around in REPEATED_AT:
        return midnight + (REPEATED_AT[world.around] + world.lot.randrange(12) * 5) * MINUTE
    minutes = world.lot.choice(
        [
            world.lot.randrange(-30, 300),
            world.lot.randrange(120, 260),
            world.lot.randrange(0, 1440),
            world.lot.randrange(1380, 1500),
        ]
    )
    return midnight + minutes // 5 * 5 * MINUTE


def _said(start: datetime, clock: ZoneInfo, *, today: date) -> str:
    """The way a French reader writes the hour of the place, without the product's own words."""
    local = start.astimezone(clock)
    words = [DAYS[local.weekday()], "1er" if local.day == 1 else str(local.day)]
    words.append(MONTHS[local.month - 1])
    if local.year != today.year:
        words.append(str(local.year))
    minutes = f" {local.minute:02d}" if local.minute else ""
    return f"{' '.join(words)} à {local.hour} h{minutes}"


def _deliver(stand: Stand, relay: SmtpServer, entry: Any, *, now: datetime) -> Any:
    """Let the worker's own function deliver one entry to the relay; return what arrived."""
    import time_machine

    from tenants.outbox.delivery import deliver_entry

    before = len(relay.deliveries)
    with time_machine.travel(now, tick=False):
        outcome = deliver_entry(unit=stand.unit, ref=entry.ref, now=now, clock=lambda: now)
    if len(relay.deliveries) != before + 1:
        raise RuntimeError(f"{entry.kind} was not sent: {outcome}")
    return list(relay.deliveries)[-1]


def _check_mail(tally: Tally, kind: str, case: tuple[Any, ...], mail: Any, said: str) -> None:
    # Hours are tied by no-break spaces: what stands on the next line is not theirs.
    text = mail.part("plain").replace("\u00a0", " ").lower()
    mentions = {match.group(0) for match in _SAID.finditer(text)}
    tally.count(f"{kind}: the hour", case, failed=mentions != {said.lower()}, seen=mentions)


def _check_file(
    tally: Tally, kind: str, case: tuple[Any, ...], file: str, instants: tuple[datetime, ...]
) -> None:
    """Read the instants of a calendar file by the VTIMEZONE that stands in it."""
    event = file.partition("BEGIN:VEVENT")[2]
    found = tuple(
        _instant_of_file(file, zone, wall, is_utc=bool(utc))
        for _name, zone, wall, utc in sorted(_WHEN.findall(event), reverse=True)
    )
    tally.count(kind, case, failed=found != instants, seen=found)


def _instant_of_file(file: str, zone: str, wall: str, *, is_utc: bool) -> datetime:
    from dateutil.tz import tzical  # type: ignore[import-untyped]

    naive = datetime.strptime(wall, "%Y%m%dT%H%M%S")  # noqa: DTZ007  # its zone is the file's
    if is_utc:
        return naive.replace(tzinfo=UTC)
    rules = tzical(StringIO(file.replace("\r\n ", "").replace("\r\n", "\n"))).get(zone)
    return naive.replace(tzinfo=rules).astimezone(UTC)


# --- The proof ------------------------------------------------------------------------------------


def _worlds(*, seeds: int) -> Iterator[World]:
    for postcode in PLACES:
        nights = MIQUELON_NIGHTS if postcode == "97500" else PARIS_NIGHTS
        for around in (*nights, *OTHERS):
            for seed in range(seeds):
                yield World(postcode, around, seed)


def _short_worlds() -> Iterator[World]:
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
            yield World(postcode, around, seed)


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Play every world; a sabotaged run plays the short ones of its guard, until one shows it."""
    tally = Tally(sabotage)
    is_short = short or sabotage is not None
    with (
        SmtpServer() as relay,
        set_stage(MAIL_PROVIDER="smtp", EMAIL_URL=relay.url) as stage,
    ):
        sections: tuple[str, ...] = SLOTS + VISITS
        if sabotage:
            GUARDS[sabotage].remove_from_process()
            sections = GUARDS[sabotage].sections
        stand, visitor = Stand(stage), Visitor()
        if "slots" in sections:
            for world in _short_worlds() if is_short else _worlds(seeds=5):
                check_slots(stand, visitor, world, tally)
        if "visits" in sections:
            for world in _short_worlds() if is_short else _worlds(seeds=8):
                check_visit(stand, visitor, relay, world, tally)
    return tally.report("time", pages=visitor.visits)
