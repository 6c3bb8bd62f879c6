"""The SMS of a practice are counted by month; past the budget the ledger says so and nothing is lost silently."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connections, transaction
from django.test import Client
from pytest_django import Settings

from booking.formats import sms
from booking.messages.outcomes import outcome_of
from booking.models import Appointment, Practice, SmsMonth
from booking.models.practice import MOST_SMS_A_MONTH
from booking.notifications import bounces, sms_budget
from booking.rules import kinds
from tenants.accounts.models import Role
from tenants.outbox.delivery import PATIENCE, deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.accounts import browser, make_member
from tests.factories import NOW, Cabinet, make_appointment, make_person

MakeUnit = Callable[[str], Unit]


class FakeGateway:
    """Accepts each message, or none while it is down."""

    def __init__(self) -> None:
        self.is_down = False
        self.sent: list[UUID] = []

    def send(self, *, number: str, text: str, key: UUID, is_retry: bool) -> None:
        """Accept one message."""
        if self.is_down:
            raise sms.SmsUnavailableError("unreachable")
        self.sent.append(key)


@pytest.fixture
def gateway(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    settings.SMS_GATEWAY = "fake"
    made = FakeGateway()
    monkeypatch.setattr(sms, "gateway", lambda: made)
    return made


@pytest.fixture
def unit(committed_tenant: MakeUnit, gateway: FakeGateway) -> Unit:
    made = committed_tenant("sms")
    with inside(made):
        Cabinet(sms_enabled=True, sms_budget=3)
    return made


def book(unit: Unit, number: int = 0, *, email: str = "") -> OutboxEntry:
    """Book for a person and return the entry of the confirmation."""
    with inside(unit):
        cabinet = Cabinet.__new__(Cabinet)
        appointment = make_appointment(
            _cabinet(cabinet),
            NOW + timedelta(days=7, hours=number),
            person=make_person(email=email),
        )
        return confirmation(appointment)


def _cabinet(cabinet: Any) -> Cabinet:
    from booking.models import AppointmentType, Location, Practitioner  # the rows of the fixture

    cabinet.practitioner, cabinet.location = Practitioner.objects.get(), Location.objects.get()
    cabinet.type = AppointmentType.objects.get()
    made: Cabinet = cabinet
    return made


def confirmation(appointment: Appointment) -> OutboxEntry:
    """Return the latest confirmation of an appointment."""
    return OutboxEntry.objects.filter(kind=kinds.CONFIRMATION, subject_id=appointment.pk).latest(
        "pk"
    )


def deliver(unit: Unit, entry: OutboxEntry, *, at: datetime = NOW) -> str:
    """Deliver an entry as a worker does; return its state and reason."""
    deliver_entry(unit=unit, ref=entry.ref, now=at, clock=lambda: at)
    with inside(unit):
        entry.refresh_from_db()
    return f"{entry.state}:{entry.reason}"


def used(unit: Unit) -> dict[date, int]:
    """Return the counts by month."""
    with inside(unit):
        return dict(SmsMonth.objects.values_list("month", "used"))


def test_past_the_budget_no_sms_leaves_and_the_ledger_says_whom_to_call(
    unit: Unit, gateway: FakeGateway
) -> None:
    entries = [book(unit, number) for number in range(5)]

    states = [deliver(unit, entry) for entry in entries]

    assert states == ["sent:"] * 3 + ["no_channel:sms_budget"] * 2
    assert len(gateway.sent) == 3
    assert used(unit) == {date(2026, 11, 1): 3}
    outcome = outcome_of(entries[-1])
    assert outcome.is_missed
    assert str(outcome.label) == "plafond de SMS du mois atteint"
    assert "Appelez la personne" in str(outcome.advice)


def test_a_message_that_is_tried_again_counts_once(unit: Unit, gateway: FakeGateway) -> None:
    entry = book(unit)
    gateway.is_down = True
    for minute in range(4):
        deliver(unit, entry, at=NOW + timedelta(minutes=10 * minute))
    gateway.is_down = False

    assert deliver(unit, entry, at=NOW + timedelta(hours=2)) == "sent:"
    assert used(unit) == {date(2026, 11, 1): 1}


def test_a_message_that_counted_leaves_after_the_budget_is_spent(
    unit: Unit, gateway: FakeGateway
) -> None:
    entry = book(unit)
    gateway.is_down = True
    deliver(unit, entry)
    gateway.is_down = False
    for number in range(1, 4):
        deliver(unit, book(unit, number))

    assert deliver(unit, entry, at=NOW + timedelta(hours=1)) == "sent:"
    assert used(unit) == {date(2026, 11, 1): 3}


def test_of_many_workers_few_get_the_last_sms(unit: Unit) -> None:
    entries = [book(unit, number) for number in range(8)]

    def spend(entry: OutboxEntry) -> bool:
        try:
            return sms_budget.spend(unit=unit, entry=entry, now=NOW)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(spend, [*entries, *entries]))

    # An entry that was counted may always leave; one that was not never does.
    assert answers == [False] * 10 + [True] * 6
    assert used(unit) == {date(2026, 11, 1): 3}


def test_a_month_begins_at_midnight_in_paris(unit: Unit, gateway: FakeGateway) -> None:
    assert sms_budget.month_of(datetime(2026, 11, 30, 22, 59, tzinfo=UTC)) == date(2026, 11, 1)
    assert sms_budget.month_of(datetime(2026, 11, 30, 23, 0, tzinfo=UTC)) == date(2026, 12, 1)


def test_a_new_month_has_a_new_budget(unit: Unit, gateway: FakeGateway) -> None:
    with inside(unit):
        SmsMonth.objects.create(month=date(2026, 10, 1), used=3)

    assert deliver(unit, book(unit)) == "sent:"
    assert used(unit)[date(2026, 11, 1)] == 1


def test_a_mail_costs_no_sms(unit: Unit, gateway: FakeGateway) -> None:
    deliver(unit, book(unit, email="camille@example.org"))

    assert used(unit) == {}


def test_an_sms_after_a_bounce_is_not_lost_while_the_gateway_is_down(
    unit: Unit, gateway: FakeGateway
) -> None:
    first = book(unit, email="camille@example.org")
    assert deliver(unit, first) == "sent:"
    gateway.is_down = True
    with inside(unit):
        assert bounces.record(ref=first.ref, now=NOW)
        again = OutboxEntry.objects.filter(kind=kinds.CONFIRMATION).latest("pk")
    assert again.pk != first.pk

    assert deliver(unit, again) == "pending:unreachable"
    assert str(outcome_of(again).label) == "à envoyer"
    assert deliver(unit, again, at=NOW + PATIENCE) == "failed:unreachable"
    assert outcome_of(again).is_missed
    assert "Appelez la personne" in str(outcome_of(again).advice)
    assert gateway.sent == []
    assert used(unit) == {date(2026, 11, 1): 1}


def test_an_sms_after_a_bounce_leaves_once_the_gateway_answers(
    unit: Unit, gateway: FakeGateway
) -> None:
    first = book(unit, email="camille@example.org")
    deliver(unit, first)
    gateway.is_down = True
    with inside(unit):
        bounces.record(ref=first.ref, now=NOW)
        again = OutboxEntry.objects.filter(kind=kinds.CONFIRMATION).latest("pk")
    deliver(unit, again)
    gateway.is_down = False

    assert deliver(unit, again, at=NOW + timedelta(hours=1)) == "sent:"
    assert gateway.sent == [again.ref]


# --- The pages -----------------------------------------------------------------------------------------------


@pytest.fixture
def owner(tenant: Unit, host: str, gateway: FakeGateway) -> Client:
    Cabinet(sms_enabled=True, sms_budget=10)
    return browser(host, make_member(Role.OWNER))


def spent(count: int) -> None:
    """Set the count of the present month."""
    month = sms_budget.month_of(datetime.now(UTC))
    SmsMonth.objects.update_or_create(month=month, defaults={"used": count})


@pytest.mark.parametrize(
    ("count", "is_warned", "is_spent"), [(7, False, False), (8, True, False), (10, True, True)]
)
def test_the_pages_say_what_is_used_and_warn_at_four_fifths(
    owner: Client, count: int, *, is_warned: bool, is_spent: bool
) -> None:
    spent(count)

    ledger = " ".join(owner.get("/espace/messages/").text.replace("\xa0", " ").split())
    day = " ".join(owner.get("/espace/").text.replace("\xa0", " ").split())

    assert f"SMS du mois : {count} sur 10." in ledger
    assert (f"{count} SMS envoyés ce mois-ci, sur 10." in day) == is_warned
    assert ("les personnes sans e-mail sont à appeler" in day) == is_spent
    assert ("les personnes sans e-mail sont à appeler" in ledger) == is_spent


def test_a_practice_without_sms_sees_no_count(owner: Client) -> None:
    Practice.objects.update(sms_enabled=False)
    spent(10)

    assert "SMS du mois" not in owner.get("/espace/messages/").text
    assert "SMS envoyés" not in owner.get("/espace/").text


def test_no_practice_goes_beyond_the_maximum(tenant: Unit) -> None:
    Cabinet()
    Practice.objects.update(sms_budget=MOST_SMS_A_MONTH)

    with pytest.raises(IntegrityError), transaction.atomic():
        Practice.objects.update(sms_budget=MOST_SMS_A_MONTH + 1)
