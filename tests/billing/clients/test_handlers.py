"""The outbox handlers of clients: what they refuse, and what the e-mails of a state say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from billing.clients import handlers, kinds
from billing.clients.handlers import (
    GONE,
    CheckReadiness,
    InviteOwner,
    OpenPractice,
    SeedTenant,
    StateEmail,
)
from billing.clients.kinds import CheckRequest, InvitationChange
from booking.rules.kinds import OPENING
from tenants.models import Tenant
from tenants.outbox.delivery import SENT, TryAgain
from tenants.outbox.kinds import OutboxKind
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import PUBLIC, Unit, inside
from tests.staff import address, make_client

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
SUSPENDED = StateEmail("client_suspended", Tenant.State.SUSPENDED)


def entry(kind: OutboxKind[Any], tenant_id: int) -> OutboxEntry:
    """Return an entry about a tenant, not saved."""
    return OutboxEntry(kind=kind, subject_id=tenant_id, due_at=NOW, created_at=NOW)


@pytest.mark.parametrize(
    ("is_met", "state", "mails"),
    [(True, Tenant.State.LIVE, 1), (False, Tenant.State.READY, 0)],
)
def test_a_practice_that_asks_is_opened_when_all_checks_are_met(
    tenant: Unit, monkeypatch: pytest.MonkeyPatch, is_met: bool, state: str, mails: int
) -> None:
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=tenant.schema).update(state=Tenant.State.READY)
    monkeypatch.setattr(handlers, "run_checks", lambda now: {"bookable_slot": is_met})

    deliver = OpenPractice().prepare(entry(OPENING, 1), NO_PAYLOAD, unit=tenant, now=NOW)
    assert callable(deliver)
    outcome = deliver()

    assert outcome == SENT
    with inside(PUBLIC):
        opened = Tenant.objects.get(schema_name=tenant.schema)
        assert opened.state == state
        assert OutboxEntry.objects.filter(kind=kinds.OPENED).count() == mails


def test_a_tenant_that_is_not_built_yet_is_seeded_later(public: Unit) -> None:
    tenant = make_client(Tenant.State.ORDERED)
    deliver = SeedTenant().prepare(entry(kinds.SEED, tenant.pk), NO_PAYLOAD, unit=PUBLIC, now=NOW)
    assert callable(deliver)

    with pytest.raises(TryAgain):
        deliver()


@pytest.mark.parametrize(
    ("handler", "kind", "payload"),
    [
        (SeedTenant(), kinds.SEED, NO_PAYLOAD),
        (CheckReadiness(), kinds.CHECK, CheckRequest(goes_live=True)),
        (InviteOwner(), kinds.INVITE, InvitationChange(is_withdrawal=False)),
        (SUSPENDED, kinds.SUSPENDED, NO_PAYLOAD),
    ],
)
def test_nothing_is_done_for_a_tenant_that_is_gone(
    public: Unit, handler: Any, kind: OutboxKind[Any], payload: Any
) -> None:
    assert handler.prepare(entry(kind, 987_654), payload, unit=PUBLIC, now=NOW) == GONE


@pytest.mark.parametrize(
    ("handler", "kind", "payload"),
    [
        (CheckReadiness(), kinds.CHECK, CheckRequest(goes_live=True)),
        (InviteOwner(), kinds.INVITE, InvitationChange(is_withdrawal=False)),
    ],
)
def test_nothing_is_done_in_a_tenant_that_is_not_served(
    public: Unit, handler: Any, kind: OutboxKind[Any], payload: Any
) -> None:
    tenant = make_client(Tenant.State.TERMINATED)

    assert handler.prepare(entry(kind, tenant.pk), payload, unit=PUBLIC, now=NOW) == GONE


def test_the_owner_gets_the_reason_of_a_suspension(staff: Client) -> None:
    tenant = make_client()
    Tenant.objects.filter(pk=tenant.pk).update(owner_email="anne@example.org")

    staff.post(address("clients:suspend", tenant.ref), {"reason": "Deux factures impayées"})

    written = OutboxEntry.objects.get(kind=kinds.SUSPENDED, subject_id=tenant.pk)
    assert callable(SUSPENDED.prepare(written, NO_PAYLOAD, unit=PUBLIC, now=NOW))
    context = {"link": "https://x", "reason": "Deux factures impayées"}
    assert "Motif\u00a0: Deux factures" in render_to_string("emails/client_suspended.txt", context)


def test_no_email_leaves_for_a_state_that_has_changed_since(public: Unit) -> None:
    tenant = make_client(Tenant.State.LIVE)
    Tenant.objects.filter(pk=tenant.pk).update(owner_email="anne@example.org")

    outcome = SUSPENDED.prepare(entry(kinds.SUSPENDED, tenant.pk), NO_PAYLOAD, unit=PUBLIC, now=NOW)

    assert outcome == GONE
