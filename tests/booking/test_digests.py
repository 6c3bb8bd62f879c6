"""The digest of the day: for who asked, at the practice's hour, once, and nobody in it."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from pytest_django import Settings

from booking import kinds
from booking.models import Appointment, DigestSubscription, Location, Practitioner
from booking.services import digests
from booking.services.digest_letters import agendas_of
from compliance.retention.purge import tidy
from tenants.accounts.models import Role, User
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_practitioner, make_type
from tests.fakes.brevo import API_KEY, Brevo, running

TOMORROW = date(2026, 11, 12)  # NOW is the 10th, the 11th a public holiday
EVE = datetime(2026, 11, 11, 12, tzinfo=UTC)
SEVEN = local(TOMORROW, 7)


class World:
    """A practice of two that commits, its owner, and what reached the relay."""

    def __init__(self, unit: Unit, brevo: Brevo) -> None:
        self.unit, self.brevo = unit, brevo
        with inside(unit):
            self.cabinet = Cabinet()
            self.owner = make_member(Role.OWNER, "titulaire@example.org")

    def subscribe(self, user: User | None = None, *, now: datetime = EVE) -> None:
        with inside(self.unit):
            digests.subscribe(user=user or self.owner, actor="user:1", now=now)

    def fill(self, *hours: int) -> list[Appointment]:
        with inside(self.unit):
            return [make_appointment(self.cabinet, local(TOMORROW, hour)) for hour in hours]

    def entries(self) -> list[OutboxEntry]:
        with inside(self.unit):
            return list(OutboxEntry.objects.filter(kind=kinds.DIGEST).order_by("due_at"))

    def deliver(self, *, at: datetime = SEVEN) -> str:
        """Deliver what is due and return how the last of it ended."""
        for entry in self.entries():
            deliver_entry(unit=self.unit, ref=entry.ref, now=at, clock=lambda: at)
        ended = [entry for entry in self.entries() if entry.state != "pending"]
        return f"{ended[-1].state}:{ended[-1].reason}" if ended else ""


@pytest.fixture
def world(committed_tenant: Callable[[str], Unit], settings: Settings) -> Iterator[World]:
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.mail.BrevoBackend"
        yield World(committed_tenant("digests"), brevo)


def test_the_digest_says_how_many_when_first_and_what_failed(world: World) -> None:
    held = world.fill(14, 9, 11)
    with inside(world.unit):
        OutboxEntry.objects.filter(kind=kinds.REMINDER, object_id=held[0].pk).update(
            state="failed", reason="refused", finished_at=NOW
        )
    world.subscribe()

    state = world.deliver()

    sent = world.brevo.mails()[0].body
    assert state == "sent:"
    assert sent["to"][0]["email"] == "titulaire@example.org"
    assert sent["subject"].replace("\xa0", " ") == "Votre journée du jeudi 12 novembre"
    for body in (sent["textContent"], sent["htmlContent"]):
        assert "Maite Exemple : 3 rendez-vous, le premier à 9\xa0h" in body
        assert "1 rappel n’est pas arrivé" in body
        assert "/espace/messages/resume/" in body


def test_the_digest_names_no_patient_and_no_motif(world: World) -> None:
    held = world.fill(9)
    world.subscribe()

    world.deliver()

    sent = str(world.brevo.mails()[0].body)
    for word in ("Camille", "Spécimen", "camille@", "39 98", "639980104", "Consultation"):
        assert word not in sent
    assert held[0].spoken_ref not in sent
    assert held[0].ref.hex not in sent.replace("-", "")


def test_it_leaves_at_the_hour_of_the_practice_on_its_own_clock(world: World) -> None:
    with inside(world.unit):
        Location.objects.update(time_zone="Indian/Reunion")
        digests.choose_hour(minute=6 * 60 + 30, actor="user:1", now=EVE)

    world.subscribe()

    assert [entry.due_at for entry in world.entries()] == [
        datetime(2026, 11, 12, 2, 30, tzinfo=UTC)
    ]


def test_each_day_is_written_once_and_ends_once(world: World) -> None:
    world.fill(9)
    world.subscribe()
    world.subscribe()
    for _hour in range(3):
        tidy(world.unit, now=EVE)
    planned = len(world.entries())

    states = [world.deliver(), world.deliver(at=SEVEN + timedelta(minutes=5))]

    assert planned == 1
    assert states == ["sent:", "sent:"]
    assert len(world.brevo.mails()) == 1


def test_the_clock_plans_the_days_that_follow(world: World) -> None:
    world.subscribe()

    tidy(world.unit, now=SEVEN + timedelta(hours=1))

    days = [date.fromordinal(entry.version) for entry in world.entries()]
    assert days == [TOMORROW, TOMORROW + timedelta(days=1)]


def test_a_day_without_appointments_sends_nothing(world: World) -> None:
    world.subscribe()

    assert world.deliver() == "dropped:empty"
    assert world.brevo.mails() == []


def test_who_stops_it_gets_no_more(world: World) -> None:
    world.fill(9)
    world.subscribe()

    with inside(world.unit):
        digests.unsubscribe(user=world.owner, actor="user:1", now=EVE)

    assert world.deliver() == "dropped:stopped"
    assert world.brevo.mails() == []
    with inside(world.unit):
        assert not DigestSubscription.objects.exists()


@pytest.mark.parametrize("minutes", [0, 239, 241, 24 * 60])
def test_a_late_digest_is_dropped(world: World, minutes: int) -> None:
    world.fill(9)
    world.subscribe()

    state = world.deliver(at=SEVEN + timedelta(minutes=minutes))

    assert state == ("sent:" if minutes <= 240 else "dropped:late")


def test_another_hour_moves_what_is_planned_and_sends_nothing_of_the_past(world: World) -> None:
    world.fill(9)
    world.subscribe()
    at = SEVEN - timedelta(minutes=30)

    with inside(world.unit):
        digests.choose_hour(minute=8 * 60, actor="user:1", now=at)
    later = world.entries()[0].due_at
    with inside(world.unit):
        digests.choose_hour(minute=5 * 60, actor="user:1", now=at)

    entry = world.entries()[0]
    assert later == local(TOMORROW, 8)
    assert (entry.state, entry.reason) == ("dropped", "late")


def test_a_relay_whose_answer_is_lost_gets_it_once(world: World) -> None:
    world.fill(9)
    world.subscribe()
    world.brevo.faults.append("answer_lost")

    first = world.deliver()
    second = world.deliver(at=SEVEN + timedelta(minutes=20))

    assert (first, second.partition(":")[0]) == ("", "sent")
    assert len(world.brevo.mails()) == 1


def test_everybody_gets_the_agendas_that_they_see(tenant: Unit) -> None:
    cabinet = Cabinet()
    colleague = make_member(Role.PRACTITIONER)
    other = make_practitioner("Hugo Fictif", user=colleague, position=1)
    make_type([other], [cabinet.location], label="Bilan")
    make_appointment(cabinet, local(TOMORROW, 9))
    owner = make_member(Role.OWNER)
    zone = digests.practice_zone()

    seen = {
        who.email: [agenda.name for agenda in agendas_of(who, on=TOMORROW, zone=zone)]
        for who in (owner, colleague)
    }

    assert seen == {owner.email: ["Maite Exemple"], colleague.email: []}
    assert Practitioner.objects.count() == 2
