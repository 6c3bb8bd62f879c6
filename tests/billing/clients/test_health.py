"""The health that workers collect in a tenant: numbers, a local day and a state, without a person."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billing.clients import actors, health
from billing.clients.handlers import CheckReadiness, InviteOwner
from billing.clients.health import HealthFigures
from billing.clients.kinds import CHECK, INVITE, CheckRequest, InvitationChange
from billing.clients.tenant_seed import TenantSeed, seed_tenant
from booking.models import PatientContact, WaitingEntry
from booking.rules import kinds
from booking.waiting_list import waiting_entries
from config.health import promises
from tenants.accounts.models import Invitation, Role
from tenants.accounts.services.invitations import Invited, accept, invite, token_of
from tenants.models import Health, Tenant
from tenants.outbox.delivery import Handler
from tenants.outbox.kinds import OutboxKind
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import PASSWORD, make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_person

SEED = TenantSeed(
    practice_name="Théo Croquis",
    profession="Sophrologue",
    time_zone="Europe/Paris",
    territory="",
    owner_name="Théo Croquis",
    owner_email="theo@example.org",
)
State = Health.InvitationState


def collect() -> HealthFigures:
    """Collect the health of the current unit."""
    return health.collect_health(zone="Europe/Paris", now=NOW)


def entry(kind: str = kinds.REMINDER, **fields: object) -> OutboxEntry:
    """Return an entry of the outbox of this unit."""
    values = {
        "subject_type": "appointment",
        "subject_id": uuid.uuid4().int % 10**9,
        "due_at": NOW,
        "created_at": NOW,
    }
    return OutboxEntry.objects.create(kind=kind, **values | fields)


def test_the_tolerances_are_those_of_the_promises() -> None:
    assert health.ERASURE_TOLERANCE == promises.ERASURE_TOLERANCE
    assert health.REMINDER_TOLERANCE == promises.REMINDER_TOLERANCE
    assert health.REMINDER_LIFE == promises.REMINDER_LIFE


def test_an_overdue_entry_of_the_waiting_list_is_counted(tenant: Unit) -> None:
    cabinet = Cabinet()
    joined = waiting_entries.join(
        wish=waiting_entries.Wish(cabinet.type, cabinet.location),
        person=make_person(),
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.EntryOrigin.STAFF,
        actor="system",
        now=NOW - timedelta(days=31),
    )

    assert joined is not None
    assert collect().overdue_erasures == 1


def test_an_empty_tenant_is_healthy(tenant: Unit) -> None:
    assert collect() == HealthFigures(State.NONE, None, None, 0, 0, 0, None)


def test_the_health_counts_what_goes_wrong(tenant: Unit) -> None:
    cabinet = Cabinet()
    at = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)
    make_appointment(cabinet, local(date(2026, 11, 12), 14), now=at)
    OutboxEntry.objects.all().delete()
    PatientContact.objects.update(
        booked_at=NOW - timedelta(days=9), erase_at=NOW - timedelta(minutes=61)
    )
    failed = {"state": OutboxEntry.EntryState.FAILED}
    entry(kinds.CONFIRMATION, **failed, finished_at=NOW - timedelta(days=6))
    entry(kinds.CONFIRMATION, **failed, finished_at=NOW - timedelta(days=8))
    entry(due_at=NOW - timedelta(minutes=16))
    entry(due_at=NOW + timedelta(minutes=5), attempts=2, expires_at=NOW + timedelta(minutes=100))
    entry(due_at=NOW + timedelta(days=1))

    found = collect()

    assert found.last_booked_on == date(2026, 11, 10)
    assert (found.failed_messages, found.overdue_erasures, found.reminders_at_risk) == (1, 1, 2)
    assert found.waiting_since == NOW - timedelta(minutes=16)


def test_the_health_is_recorded_in_public_and_replaces_the_one_before(tenant: Unit) -> None:
    Cabinet()

    actors.collect.func(tenant)
    entry(kinds.CONFIRMATION, state=OutboxEntry.EntryState.FAILED, finished_at=datetime.now(UTC))
    actors.collect.func(tenant)

    with inside(PUBLIC):
        row = Health.objects.get(tenant__schema_name=tenant.schema)
    assert row.failed_messages == 1
    assert datetime.now(UTC) - row.checked_at < timedelta(minutes=1)


def test_the_health_of_every_tenant_is_collected(
    tenant: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(actors.collect, "send", sent.append)

    actors.collect_all.fn()

    assert tenant.schema in sent


def test_the_health_of_a_terminated_tenant_is_collected_too(
    tenant: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[Unit] = []
    monkeypatch.setattr(actors.collect, "func", collected.append)
    monkeypatch.setattr(actors.collect, "send", lambda schema: None)
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=tenant.schema).update(state=Tenant.State.TERMINATED)

    actors.collect_all.fn()

    assert collected == [tenant]


RESEND = InvitationChange(is_withdrawal=False)
WITHDRAW = InvitationChange(is_withdrawal=True)


def deliver(kind: OutboxKind[Any], payload: CheckRequest | InvitationChange, schema: str) -> None:
    """Deliver an entry about a tenant, as a worker does."""
    with inside(PUBLIC):
        tenant = Tenant.objects.get(schema_name=schema)
        Tenant.objects.filter(pk=tenant.pk).update(
            owner_email="theo@example.org", owner_name="Théo Croquis"
        )
        requested = OutboxEntry(kind=kind, subject_id=tenant.pk, due_at=NOW, created_at=NOW)
        handler: Handler[Any] = InviteOwner() if kind == INVITE else CheckReadiness()
        delivery = handler.prepare(requested, payload, unit=PUBLIC, now=NOW)
    assert callable(delivery)
    delivery()


def recorded(schema: str) -> str:
    """Return the state of the invitation that staff pages read."""
    with inside(PUBLIC):
        return Health.objects.get(tenant__schema_name=schema).owner_invitation


def test_a_new_link_stops_the_old_one(tenant: Unit) -> None:
    seed_tenant(SEED, now=NOW)
    before = token_of(Invitation.objects.get())

    deliver(INVITE, RESEND, tenant.schema)

    invitation = Invitation.objects.get()
    assert token_of(invitation) != before
    assert invitation.is_open(now=NOW)
    assert recorded(tenant.schema) == State.OPEN


def test_a_withdrawn_link_opens_nothing_and_another_can_leave(tenant: Unit) -> None:
    seed_tenant(SEED, now=NOW)

    deliver(INVITE, WITHDRAW, tenant.schema)
    withdrawn = recorded(tenant.schema)
    deliver(INVITE, RESEND, tenant.schema)

    assert withdrawn == State.WITHDRAWN
    assert recorded(tenant.schema) == State.OPEN
    assert [invitation.is_open(now=NOW) for invitation in Invitation.objects.order_by("pk")] == [
        False,
        True,
    ]


def test_an_address_corrected_on_the_order_gets_an_invitation_of_its_own(tenant: Unit) -> None:
    seed_tenant(SEED, now=NOW)
    Invitation.objects.update(email="faux@example.org")

    deliver(INVITE, RESEND, tenant.schema)

    opened = [
        invitation.email for invitation in Invitation.objects.all() if invitation.is_open(now=NOW)
    ]
    assert opened == ["theo@example.org"]


def test_an_owner_with_an_account_is_not_invited_again(tenant: Unit) -> None:
    seed_tenant(SEED, now=NOW)
    token = token_of(Invitation.objects.get())
    accept(token=token, password=PASSWORD, name="Théo Croquis", now=NOW)

    deliver(INVITE, RESEND, tenant.schema)

    assert Invitation.objects.count() == 1
    assert recorded(tenant.schema) == State.ACCEPTED


def test_invitations_of_the_practice_are_not_changed(tenant: Unit) -> None:
    owner = make_member(Role.OWNER)
    invited = Invited(email="autre@example.org", role=Role.OWNER)
    invite(invited=invited, invited_by=owner, actor="system", now=NOW)

    deliver(INVITE, WITHDRAW, tenant.schema)

    assert Invitation.objects.get().is_open(now=NOW)
    # There is an owner, so a link has been used.
    assert recorded(tenant.schema) == State.ACCEPTED


def test_the_checks_collect_the_health_too(tenant: Unit) -> None:
    Cabinet()

    deliver(CHECK, CheckRequest(goes_live=False), tenant.schema)

    assert recorded(tenant.schema) == State.NONE
