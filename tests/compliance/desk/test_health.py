"""What workers count in a space for the desk: numbers, a day and a state, and nobody."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from booking import kinds
from booking.models import PatientContact, WaitingEntry
from booking.services import waiting
from compliance.desk import actors, health
from compliance.desk.delivery import CheckReadiness, InviteOwner
from compliance.desk.furnishing import Furniture, furnish
from compliance.desk.kinds import CHECK, INVITE
from compliance.desk.services import LOOK, RESEND, WITHDRAW
from config.health import promises
from tenants.accounts.models import Invitation, Role
from tenants.accounts.services.invitations import Invited, accept, invite, token_of
from tenants.models import Health, Tenant
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import PASSWORD, make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_person

FURNITURE = Furniture(
    practice_name="Théo Croquis",
    profession="Sophrologue",
    time_zone="Europe/Paris",
    territory="",
    owner_name="Théo Croquis",
    owner_email="theo@example.org",
)
State = Health.Invitation


def look() -> health.Figures:
    """Count in the current unit."""
    return health.look(zone="Europe/Paris", now=NOW)


def entry(kind: str = kinds.REMINDER, **fields: object) -> OutboxEntry:
    """Return an entry of the outbox of this unit."""
    values = {"object_id": uuid.uuid4().int % 10**9, "due_at": NOW, "created_at": NOW}
    return OutboxEntry.objects.create(kind=kind, **values | fields)


def test_the_tolerances_are_those_of_the_promises() -> None:
    assert health.ERASURE_TOLERANCE == promises.ERASURE_TOLERANCE
    assert health.REMINDER_TOLERANCE == promises.REMINDER_TOLERANCE
    assert health.REMINDER_LIFE == promises.REMINDER_LIFE


def test_who_waits_on_a_list_is_counted_when_overdue(tenant: Unit) -> None:
    cabinet = Cabinet()
    joined = waiting.join(
        wish=waiting.Wish(cabinet.type, cabinet.location),
        person=make_person(),
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.Origin.STAFF,
        actor="system",
        now=NOW - timedelta(days=31),
    )

    assert joined is not None
    assert look().overdue_erasures == 1


def test_an_empty_space_is_well(tenant: Unit) -> None:
    assert look() == health.Figures(State.NONE, None, None, 0, 0, 0, None)


def test_a_look_counts_what_goes_wrong(tenant: Unit) -> None:
    cabinet = Cabinet()
    at = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)
    make_appointment(cabinet, local(date(2026, 11, 12), 14), now=at)
    OutboxEntry.objects.all().delete()
    PatientContact.objects.update(
        booked_at=NOW - timedelta(days=9), erase_at=NOW - timedelta(minutes=61)
    )
    failed = {"state": OutboxEntry.State.FAILED}
    entry(kinds.CONFIRMATION, **failed, finished_at=NOW - timedelta(days=6))
    entry(kinds.CONFIRMATION, **failed, finished_at=NOW - timedelta(days=8))
    entry(due_at=NOW - timedelta(minutes=16))
    entry(due_at=NOW + timedelta(minutes=5), attempts=2, expires_at=NOW + timedelta(minutes=100))
    entry(due_at=NOW + timedelta(days=1))

    found = look()

    assert found.last_booked_on == date(2026, 11, 10)
    assert (found.failed_messages, found.overdue_erasures, found.reminders_at_risk) == (1, 1, 2)
    assert found.waiting_since == NOW - timedelta(minutes=16)


def test_a_look_is_noted_outside_and_replaces_the_one_before(tenant: Unit) -> None:
    Cabinet()

    actors.look.func(tenant)
    entry(kinds.CONFIRMATION, state=OutboxEntry.State.FAILED, finished_at=datetime.now(UTC))
    actors.look.func(tenant)

    with inside(PUBLIC):
        noted = Health.objects.get(tenant__schema_name=tenant.schema)
    assert noted.failed_messages == 1
    assert datetime.now(UTC) - noted.checked_at < timedelta(minutes=1)


def test_every_space_is_looked_at(tenant: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(actors.look, "send", sent.append)

    actors.look_all.fn()

    assert tenant.schema in sent


def test_a_client_that_left_is_watched_too(tenant: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Unit] = []
    monkeypatch.setattr(actors.look, "func", looked.append)
    monkeypatch.setattr(actors.look, "send", lambda schema: None)
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=tenant.schema).update(state=Tenant.State.TERMINATED)

    actors.look_all.fn()

    assert looked == [tenant]


def done(kind: str, audience: str, schema: str) -> None:
    """Let the worker do what the desk asked."""
    with inside(PUBLIC):
        tenant = Tenant.objects.get(schema_name=schema)
        Tenant.objects.filter(pk=tenant.pk).update(
            owner_email="theo@example.org", owner_name="Théo Croquis"
        )
        asked = OutboxEntry(
            kind=kind, object_id=tenant.pk, audience=audience, due_at=NOW, created_at=NOW
        )
        handler = InviteOwner() if kind == INVITE else CheckReadiness()
        act = handler.prepare(asked, unit=PUBLIC, now=NOW)
    assert callable(act)
    act()


def noted(schema: str) -> str:
    """Return where the invitation stands, as the desk reads it."""
    with inside(PUBLIC):
        return Health.objects.get(tenant__schema_name=schema).owner_invitation


def test_a_new_link_stops_the_old_one(tenant: Unit) -> None:
    furnish(FURNITURE, now=NOW)
    before = token_of(Invitation.objects.get())

    done(INVITE, RESEND, tenant.schema)

    held = Invitation.objects.get()
    assert token_of(held) != before
    assert held.is_open(now=NOW)
    assert noted(tenant.schema) == State.OPEN


def test_a_withdrawn_link_opens_nothing_and_another_can_leave(tenant: Unit) -> None:
    furnish(FURNITURE, now=NOW)

    done(INVITE, WITHDRAW, tenant.schema)
    withdrawn = noted(tenant.schema)
    done(INVITE, RESEND, tenant.schema)

    assert withdrawn == State.WITHDRAWN
    assert noted(tenant.schema) == State.OPEN
    assert [held.is_open(now=NOW) for held in Invitation.objects.order_by("pk")] == [False, True]


def test_an_address_corrected_on_the_order_gets_an_invitation_of_its_own(tenant: Unit) -> None:
    furnish(FURNITURE, now=NOW)
    Invitation.objects.update(email="faux@example.org")

    done(INVITE, RESEND, tenant.schema)

    opened = [held.email for held in Invitation.objects.all() if held.is_open(now=NOW)]
    assert opened == ["theo@example.org"]


def test_an_owner_who_came_in_is_not_invited_again(tenant: Unit) -> None:
    furnish(FURNITURE, now=NOW)
    token = token_of(Invitation.objects.get())
    accept(token=token, password=PASSWORD, name="Théo Croquis", now=NOW)

    done(INVITE, RESEND, tenant.schema)

    assert Invitation.objects.count() == 1
    assert noted(tenant.schema) == State.ACCEPTED


def test_invitations_of_the_practice_are_none_of_the_desks_business(tenant: Unit) -> None:
    owner = make_member(Role.OWNER)
    invited = Invited(email="autre@example.org", role=Role.OWNER)
    invite(invited=invited, invited_by=owner, actor="system", now=NOW)

    done(INVITE, WITHDRAW, tenant.schema)

    assert Invitation.objects.get().is_open(now=NOW)
    # There is an owner: whatever link led here, it has served.
    assert noted(tenant.schema) == State.ACCEPTED


def test_checking_takes_the_health_with_it(tenant: Unit) -> None:
    Cabinet()

    done(CHECK, LOOK, tenant.schema)

    assert noted(tenant.schema) == State.NONE
