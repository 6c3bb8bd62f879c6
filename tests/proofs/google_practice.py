"""Practices that are linked with the fake Google server, and the expected events of their calendars."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.proofs.counter import CaseCounter
from tests.proofs.fake_google import FakeGoogle

ZONE = ZoneInfo("Europe/Paris")
LABEL = "Consultation"
MINUTES = 30
_FIRST_DAY = 5

EventWords = tuple[datetime, datetime, str, str]
"""What is compared of an event: start, end, summary, description."""


@dataclass
class LinkedAgenda:
    """A practitioner with their account at Google, and the starts that are still unused."""

    practitioner: Any
    address: str
    account_id: int
    level: int
    starts: Iterator[datetime]


@dataclass
class GooglePractice:
    """One tenant with its agendas."""

    unit: Any
    host: str
    place: Any
    appointment_type: Any
    agendas: list[LinkedAgenda] = field(default_factory=list)

    def calendar(self, agenda: LinkedAgenda) -> str:
        """Return the identifier of our calendar in the agenda's account."""
        from booking.google.accounts import open_secret
        from booking.models import GoogleAccount
        from tenants.schema import inside

        with inside(self.unit):
            account = GoogleAccount.objects.select_related("data_key").get(pk=agenda.account_id)
            return open_secret(account).calendar


def open_practice(
    environment: Any,
    fake_google: FakeGoogle,
    host: str,
    *,
    levels: Iterable[int],
    unlinked: int = 0,
) -> GooglePractice:
    """Make a practice, open all day, with one linked practitioner for each level.

    ``unlinked`` more practitioners come last; they have no account at Google.
    """
    from tenants.schema import inside
    from tests import factories

    unit = environment.add_tenant(host)
    levels = list(levels)
    with inside(unit):
        factories.make_practice(max_open_bookings=3)
        place = factories.make_location()
        many = len(levels) + unlinked
        people = [factories.make_practitioner(f"Docteur {number}") for number in range(many)]
        appointment_type = factories.make_type(
            people, [place], label=LABEL, duration_min=MINUTES, step_min=MINUTES,
            min_notice_min=0, horizon_days=350,
        )  # fmt: skip
        for person in people:
            factories.make_hours(person, place, weekdays=range(7), starts_min=0, ends_min=1440)
    made = GooglePractice(unit, host, place, appointment_type)
    for number, (person, level) in enumerate(zip(people, levels, strict=False)):
        address = f"agenda{number}@{host.partition('.')[0]}.example"
        account_id = link(fake_google, unit, person, address=address, level=level)
        made.agendas.append(LinkedAgenda(person, address, account_id, level, _starts()))
    for person in people[len(levels) :]:
        made.agendas.append(LinkedAgenda(person, "", 0, 0, _starts()))
    return made


def link(fake_google: FakeGoogle, unit: Any, practitioner: Any, *, address: str, level: int) -> int:
    """Link a practitioner with an account, as the page and a worker do; return the key of the account's row."""
    from booking.google import authorization, oauth, polls
    from booking.google.oauth import Grant
    from booking.models import GoogleAccount
    from tenants.schema import inside

    scopes = (oauth.WRITE, oauth.BUSY)
    fake_google.command("account", account=address)
    tokens = fake_google.command("grant", account=address, scopes=scopes)
    now = datetime.now(UTC)
    grant = Grant(
        refresh_token=tokens["refresh"],
        access_token=tokens["access"],
        expires_at=now + timedelta(hours=1),
        scopes=frozenset(scopes),
        subject=address,
        is_workspace=False,
    )
    with inside(unit):
        account = authorization.save_account(
            practitioner=practitioner, user_id=_owner(now), grant=grant, now=now
        )
        GoogleAccount.objects.filter(pk=account.pk).update(level=level)
    # The first poll makes the calendar.
    if not polls.poll(unit=unit, account_id=account.pk, clock=lambda: datetime.now(UTC)):
        raise RuntimeError("an account could not be linked")
    return int(account.pk)


def _owner(now: datetime) -> int:
    """Return the key of the owner: an account of a user without a role in the practice is disconnected."""
    from tenants.accounts.models import Membership, Role, User

    key = Membership.objects.filter(role=Role.OWNER).values_list("user_id", flat=True).first()
    if key is None:
        user = User.objects.create_user("titulaire@cabinet.example", name="Camille Titulaire")
        key = Membership.objects.create(user=user, role=Role.OWNER, created_at=now).user_id
    return int(key)


def _starts() -> Iterator[datetime]:
    """Yield the starts of slots of thirty minutes, day after day."""
    day = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    day += timedelta(days=_FIRST_DAY)
    for number in range(48 * 300):
        days, place = divmod(number, 48)
        yield (day + timedelta(days=days, minutes=MINUTES * place)).astimezone(UTC)


# --- The comparison -----------------------------------------------------------------------------------


@dataclass
class CalendarDifferences:
    """How many events are missing, exist more than once, or are not as they should be."""

    missing: int = 0
    duplicated: int = 0
    stale: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the figures."""
        return {"missing": self.missing, "duplicated": self.duplicated, "stale": self.stale}


def compare(
    practice: GooglePractice,
    fake_google: FakeGoogle,
    names: Mapping[uuid.UUID, tuple[str, str, str]],
    counter: CaseCounter,
    *,
    name: str,
) -> CalendarDifferences:
    """Compare each calendar with the database; one case for each appointment and each calendar.

    ``names``: the typed first name, last name and phone, by the appointment's reference. The expected events are
    derived from them, without the product's code.
    """
    from booking.models import Appointment
    from tenants.schema import inside

    with inside(practice.unit):
        rows = list(Appointment.objects.exclude(status=Appointment.Status.HELD))
    seen = CalendarDifferences()
    for agenda in practice.agendas:
        if not agenda.address:
            continue
        mine = [row for row in rows if row.practitioner_id == agenda.practitioner.pk]
        events = _events_of(fake_google, agenda)
        for row in mine:
            _compare_one(row, agenda, events, names[row.ref], seen, counter, name)
        _compare_rest(agenda, events, mine, seen, counter, name)
    return seen


def _events_of(fake_google: FakeGoogle, agenda: LinkedAgenda) -> Counter[EventWords]:
    """Return the events of all calendars of an account."""
    found = fake_google.events(agenda.address)
    return Counter(_words_of(event) for events in found.values() for event in events)


def _words_of(event: Mapping[str, Any]) -> EventWords:
    starts, ends = (
        datetime.fromisoformat(event[side]["dateTime"]).astimezone(UTC) for side in ("start", "end")
    )
    return starts, ends, event.get("summary", ""), event.get("description", "")


def expected_words(row: Any, level: int, typed: tuple[str, str, str]) -> EventWords:
    """Return the expected event of an appointment at this level."""
    first, last, phone = typed
    text = {
        0: (f"Réservé (réf. {row.spoken_ref})", ""),
        1: (f"RDV {first[0]}. {last[0]}.", ""),
        2: (f"{first} {last}", f"{phone}\n{LABEL}"),
    }
    return (row.starts_at, row.ends_at, *text[level])


def _compare_one(
    row: Any,
    agenda: LinkedAgenda,
    events: Counter[EventWords],
    typed: tuple[str, str, str],
    seen: CalendarDifferences,
    counter: CaseCounter,
    name: str,
) -> None:
    times = events.pop(expected_words(row, agenda.level, typed), 0)
    most = 0 if row.is_cancelled else 1
    seen.missing += times < most
    seen.duplicated += max(times - 1, 0)
    seen.stale += most == 0 and times > 0
    kind = "cancelled" if row.is_cancelled else "moved" if row.sequence else "booked"
    case = (agenda.address, row.pk)
    counter.count(f"{name}: {kind}", case, failed=times != most, seen=f"{times} events")


def _compare_rest(
    agenda: LinkedAgenda,
    events: Counter[EventWords],
    rows: Iterable[Any],
    seen: CalendarDifferences,
    counter: CaseCounter,
    name: str,
) -> None:
    """Count the events that are left: written twice with other words or times, or not deleted."""
    booked = {row.starts_at for row in rows if not row.is_cancelled}
    for words, times in events.items():
        if words[0] in booked:
            seen.duplicated += times
        else:
            seen.stale += times
    left = sum(events.values())
    case = (agenda.address, "nothing else")
    counter.count(f"{name}: nothing else", case, failed=left > 0, seen=f"{left} events")
