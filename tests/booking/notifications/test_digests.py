"""The digest of the day: sent to subscribers at the practice's hour, once, without any patient."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from pytest_django import Settings

from booking.models import Appointment, DigestSubscription, Location, Practitioner
from booking.notifications import digests
from booking.notifications.digest_delivery import agendas_of
from booking.rules import kinds
from booking.scheduling.catalogue import practice_zone
from compliance.retention.expiry import delete_expired
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


class Dataset:
    """A practice of two that commits, its owner, and a fake relay."""

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
def dataset(committed_tenant: Callable[[str], Unit], settings: Settings) -> Iterator[Dataset]:
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.email_transport.BrevoBackend"
        yield Dataset(committed_tenant("digests"), brevo)


def test_the_digest_has_the_count_the_first_hour_and_the_missed_reminders(dataset: Dataset) -> None:
    appointment = dataset.fill(14, 9, 11)
    with inside(dataset.unit):
        OutboxEntry.objects.filter(kind=kinds.REMINDER, subject_id=appointment[0].pk).update(
            state="failed", reason="refused", finished_at=NOW
        )
    dataset.subscribe()

    state = dataset.deliver()

    sent = dataset.brevo.mails()[0].body
    assert state == "sent:"
    assert sent["to"][0]["email"] == "titulaire@example.org"
    assert sent["subject"].replace("\xa0", " ") == "Votre journée du jeudi 12 novembre"
    for body in (sent["textContent"], sent["htmlContent"]):
        assert "Maite Exemple : 3 rendez-vous, le premier à 9\xa0h" in body
        assert "1 rappel n’est pas arrivé" in body
        assert "/espace/messages/resume/" in body


def test_the_digest_names_no_patient_and_no_appointment_type(dataset: Dataset) -> None:
    appointment = dataset.fill(9)
    dataset.subscribe()

    dataset.deliver()

    sent = str(dataset.brevo.mails()[0].body)
    for word in ("Camille", "Spécimen", "camille@", "39 98", "639980104", "Consultation"):
        assert word not in sent
    assert appointment[0].spoken_ref not in sent
    assert appointment[0].ref.hex not in sent.replace("-", "")


def test_it_leaves_at_the_hour_of_the_practice_on_its_own_clock(dataset: Dataset) -> None:
    with inside(dataset.unit):
        Location.objects.update(time_zone="Indian/Reunion")
        digests.choose_hour(minute=6 * 60 + 30, actor="user:1", now=EVE)

    dataset.subscribe()

    assert [entry.due_at for entry in dataset.entries()] == [
        datetime(2026, 11, 12, 2, 30, tzinfo=UTC)
    ]


def test_each_day_is_written_once_and_ends_once(dataset: Dataset) -> None:
    dataset.fill(9)
    dataset.subscribe()
    dataset.subscribe()
    for _hour in range(3):
        delete_expired(dataset.unit, now=EVE)
    planned = len(dataset.entries())

    states = [dataset.deliver(), dataset.deliver(at=SEVEN + timedelta(minutes=5))]

    assert planned == 1
    assert states == ["sent:", "sent:"]
    assert len(dataset.brevo.mails()) == 1


def test_the_clock_plans_the_days_that_follow(dataset: Dataset) -> None:
    dataset.subscribe()

    delete_expired(dataset.unit, now=SEVEN + timedelta(hours=1))

    days = [date.fromisoformat(entry.payload["on"]) for entry in dataset.entries()]
    assert days == [TOMORROW, TOMORROW + timedelta(days=1)]


def test_a_day_without_appointments_sends_nothing(dataset: Dataset) -> None:
    dataset.subscribe()

    assert dataset.deliver() == "not_sent:empty"
    assert dataset.brevo.mails() == []


def test_an_unsubscribed_member_gets_no_more_digest(dataset: Dataset) -> None:
    dataset.fill(9)
    dataset.subscribe()

    with inside(dataset.unit):
        digests.unsubscribe(user=dataset.owner, actor="user:1", now=EVE)

    assert dataset.deliver() == "not_sent:stopped"
    assert dataset.brevo.mails() == []
    with inside(dataset.unit):
        assert not DigestSubscription.objects.exists()


@pytest.mark.parametrize("minutes", [0, 239, 241, 24 * 60])
def test_a_late_digest_is_not_sent(dataset: Dataset, minutes: int) -> None:
    dataset.fill(9)
    dataset.subscribe()

    state = dataset.deliver(at=SEVEN + timedelta(minutes=minutes))

    assert state == ("sent:" if minutes <= 240 else "not_sent:late")


def test_another_hour_moves_planned_digests_and_sends_none_of_the_past(dataset: Dataset) -> None:
    dataset.fill(9)
    dataset.subscribe()
    at = SEVEN - timedelta(minutes=30)

    with inside(dataset.unit):
        digests.choose_hour(minute=8 * 60, actor="user:1", now=at)
    later = dataset.entries()[0].due_at
    with inside(dataset.unit):
        digests.choose_hour(minute=5 * 60, actor="user:1", now=at)

    entry = dataset.entries()[0]
    assert later == local(TOMORROW, 8)
    assert (entry.state, entry.reason) == ("not_sent", "late")


def test_a_relay_whose_answer_is_lost_gets_it_once(dataset: Dataset) -> None:
    dataset.fill(9)
    dataset.subscribe()
    dataset.brevo.faults.append("answer_lost")

    first = dataset.deliver()
    second = dataset.deliver(at=SEVEN + timedelta(minutes=20))

    assert (first, second.partition(":")[0]) == ("", "sent")
    assert len(dataset.brevo.mails()) == 1


def test_each_user_gets_the_agendas_that_they_may_see(tenant: Unit) -> None:
    cabinet = Cabinet()
    colleague = make_member(Role.PRACTITIONER)
    other = make_practitioner("Hugo Fictif", user=colleague, position=1)
    make_type([other], [cabinet.location], label="Bilan")
    make_appointment(cabinet, local(TOMORROW, 9))
    owner = make_member(Role.OWNER)
    zone = practice_zone()

    seen = {
        user.email: [agenda.name for agenda in agendas_of(user, on=TOMORROW, zone=zone)]
        for user in (owner, colleague)
    }

    assert seen == {owner.email: ["Maite Exemple"], colleague.email: []}
    assert Practitioner.objects.count() == 2
