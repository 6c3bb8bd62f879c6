"""Practices whose practitioners are linked with the double, and what their calendars have to hold."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.proofs.double import Double
from tests.proofs.tally import Tally

ZONE = ZoneInfo("Europe/Paris")
LABEL = "Consultation"
MINUTES = 30
_FIRST_DAY = 5

Stood = tuple[datetime, datetime, str, str]
"""What is compared of an event: start, end, summary, description."""


@dataclass
class Agenda:
    """One practitioner, their account at the double, and the starts that nobody has had yet."""

    practitioner: Any
    address: str
    account_id: int
    level: int
    starts: Iterator[datetime]


@dataclass
class Practice:
    """One tenant with its agendas."""

    unit: Any
    host: str
    place: Any
    motif: Any
    agendas: list[Agenda] = field(default_factory=list)

    def calendar(self, agenda: Agenda) -> str:
        """Return the identifier of our calendar in the agenda's account."""
        from booking.models import GoogleAccount
        from booking.services.google.accounts import open_secret
        from tenants.schema import inside

        with inside(self.unit):
            account = GoogleAccount.objects.select_related("data_key").get(pk=agenda.account_id)
            return open_secret(account).calendar


def open_practice(
    stage: Any, double: Double, host: str, *, levels: Iterable[int], strangers: int = 0
) -> Practice:
    """Make a practice, open all day, with one linked practitioner for each level.

    ``strangers``: so many practitioners more, the last ones, who are linked with nobody.
    """
    from tenants.schema import inside
    from tests import factories

    unit = stage.add_tenant(host)
    levels = list(levels)
    with inside(unit):
        factories.make_practice(max_open_bookings=3)
        place = factories.make_location()
        many = len(levels) + strangers
        people = [factories.make_practitioner(f"Docteur {number}") for number in range(many)]
        motif = factories.make_type(
            people, [place], label=LABEL, duration_min=MINUTES, step_min=MINUTES,
            min_notice_min=0, horizon_days=350,
        )  # fmt: skip
        for person in people:
            factories.make_hours(person, place, weekdays=range(7), starts_min=0, ends_min=1440)
    made = Practice(unit, host, place, motif)
    for number, (person, level) in enumerate(zip(people, levels, strict=False)):
        address = f"agenda{number}@{host.partition('.')[0]}.example"
        account_id = link(double, unit, person, address=address, level=level)
        made.agendas.append(Agenda(person, address, account_id, level, _starts()))
    for person in people[len(levels) :]:
        made.agendas.append(Agenda(person, "", 0, 0, _starts()))
    return made


def link(double: Double, unit: Any, practitioner: Any, *, address: str, level: int) -> int:
    """Link a practitioner with an account of the double, as its page and a worker do; return its key."""
    from booking import google_oauth
    from booking.google_oauth import Grant
    from booking.models import GoogleAccount
    from booking.services.google import authorizing, polling
    from tenants.schema import inside

    scopes = (google_oauth.WRITE, google_oauth.BUSY)
    double.order("account", account=address)
    tokens = double.order("grant", account=address, scopes=scopes)
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
        account = authorizing.keep(
            practitioner=practitioner, user_id=_owner(now), grant=grant, now=now
        )
        GoogleAccount.objects.filter(pk=account.pk).update(level=level)
    # The first look makes the calendar.
    if not polling.poll(unit=unit, account_id=account.pk, clock=lambda: datetime.now(UTC)):
        raise RuntimeError("an account could not be linked")
    return int(account.pk)


def _owner(now: datetime) -> int:
    """Return the key of the owner: the link of somebody without a part in the practice does not last."""
    from tenants.accounts.models import Membership, Role, User

    held = Membership.objects.filter(role=Role.OWNER).values_list("user_id", flat=True).first()
    if held is None:
        user = User.objects.create_user("titulaire@cabinet.example", name="Camille Titulaire")
        held = Membership.objects.create(user=user, role=Role.OWNER, created_at=now).user_id
    return int(held)


def _starts() -> Iterator[datetime]:
    """Yield starts of thirty minutes, day after day: each is given away once."""
    day = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    day += timedelta(days=_FIRST_DAY)
    for number in range(48 * 300):
        days, place = divmod(number, 48)
        yield (day + timedelta(days=days, minutes=MINUTES * place)).astimezone(UTC)


# --- The comparison -----------------------------------------------------------------------------------


@dataclass
class Compared:
    """How many events were lost, stood more than once, or stood otherwise than they should."""

    lost: int = 0
    duplicated: int = 0
    stale: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the figures."""
        return {"lost": self.lost, "duplicated": self.duplicated, "stale": self.stale}


def compare(
    practice: Practice,
    double: Double,
    names: Mapping[uuid.UUID, tuple[str, str, str]],
    tally: Tally,
    *,
    name: str,
) -> Compared:
    """Set every calendar beside the database; one case for each appointment and each calendar.

    ``names``: first name, last name and phone that were typed, by the appointment's reference. What is
    to stand is worked out from them, not by what the product writes with.
    """
    from booking.models import Appointment
    from tenants.schema import inside

    with inside(practice.unit):
        rows = list(Appointment.objects.exclude(status=Appointment.Status.HELD))
    seen = Compared()
    for agenda in practice.agendas:
        if not agenda.address:
            continue
        mine = [row for row in rows if row.practitioner_id == agenda.practitioner.pk]
        standing = _standing(double, agenda)
        for row in mine:
            _compare_one(row, agenda, standing, names[row.ref], seen, tally, name)
        _compare_rest(agenda, standing, mine, seen, tally, name)
    return seen


def _standing(double: Double, agenda: Agenda) -> Counter[Stood]:
    """Return what stands in all calendars of an account, whoever wrote it."""
    found = double.events(agenda.address)
    return Counter(_stood(event) for events in found.values() for event in events)


def _stood(event: Mapping[str, Any]) -> Stood:
    starts, ends = (
        datetime.fromisoformat(event[side]["dateTime"]).astimezone(UTC) for side in ("start", "end")
    )
    return starts, ends, event.get("summary", ""), event.get("description", "")


def wanted(row: Any, level: int, typed: tuple[str, str, str]) -> Stood:
    """Return what the event of an appointment has to say at this level."""
    first, last, phone = typed
    says = {
        0: (f"Réservé (réf. {row.spoken_ref})", ""),
        1: (f"RDV {first[0]}. {last[0]}.", ""),
        2: (f"{first} {last}", f"{phone}\n{LABEL}"),
    }
    return (row.starts_at, row.ends_at, *says[level])


def _compare_one(
    row: Any,
    agenda: Agenda,
    standing: Counter[Stood],
    typed: tuple[str, str, str],
    seen: Compared,
    tally: Tally,
    name: str,
) -> None:
    times = standing.pop(wanted(row, agenda.level, typed), 0)
    most = 0 if row.is_cancelled else 1
    seen.lost += times < most
    seen.duplicated += max(times - 1, 0)
    seen.stale += most == 0 and times > 0
    kind = "cancelled" if row.is_cancelled else "moved" if row.sequence else "booked"
    case = (agenda.address, row.pk)
    tally.count(f"{name}: {kind}", case, failed=times != most, seen=f"stands {times} times")


def _compare_rest(
    agenda: Agenda,
    standing: Counter[Stood],
    rows: Iterable[Any],
    seen: Compared,
    tally: Tally,
    name: str,
) -> None:
    """Whatever is left was written twice under other words or times, or has not been taken away."""
    booked = {row.starts_at for row in rows if not row.is_cancelled}
    for stood, times in standing.items():
        if stood[0] in booked:
            seen.duplicated += times
        else:
            seen.stale += times
    left = sum(standing.values())
    case = (agenda.address, "nothing else")
    tally.count(f"{name}: nothing else stands", case, failed=left > 0, seen=f"{left} events")
