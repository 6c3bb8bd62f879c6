"""The services of clients, called without a page: refusals, and what the checks open."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.clients import services
from billing.clients.services import (
    ClientOrder,
    NameTakenError,
    NotAttestedError,
    WrongStateError,
    record_results,
)
from tenants.audit.models import AuditEvent
from tenants.models import Readiness, Tenant
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.staff import make_client

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
MET = {"owner_signed_in": True, "legal_identity": True, "bookable_slot": True}
ORDER = ClientOrder(
    practice_name="Théo Croquis",
    subdomain="theo-croquis",
    profession="Sophrologue",
    time_zone="Europe/Paris",
    territory="",
    owner_name="Théo Croquis",
    owner_email="theo@example.org",
    is_professional=True,
    is_adult=True,
)


@pytest.mark.parametrize("attestation", ["is_professional", "is_adult"])
def test_an_order_without_an_attestation_is_refused(public: Unit, attestation: str) -> None:
    order = ClientOrder(**{**vars(ORDER), attestation: False})

    with pytest.raises(NotAttestedError):
        services.order_tenant(order=order, actor="system", now=NOW)


def test_a_host_name_that_another_client_has_is_refused(public: Unit) -> None:
    services.order_tenant(order=ORDER, actor="system", now=NOW)

    with pytest.raises(NameTakenError):
        services.order_tenant(order=ORDER, actor="system", now=NOW)


@pytest.mark.parametrize(
    ("service", "state"),
    [
        (services.request_opening, Tenant.State.LIVE),
        (services.resume, Tenant.State.LIVE),
        (services.request_invitation, Tenant.State.ORDERED),
        (services.request_withdrawal, Tenant.State.TERMINATED),
    ],
)
def test_a_service_refuses_a_state_that_does_not_allow_it(
    public: Unit, service: Any, state: Tenant.State
) -> None:
    tenant = make_client(state)

    with pytest.raises(WrongStateError):
        service(tenant=tenant, actor="system", now=NOW)

    assert not OutboxEntry.objects.filter(subject_id=tenant.pk).exists()
    assert not AuditEvent.objects.filter(ref=tenant.ref).exists()


def test_two_requests_of_one_second_are_one_entry(public: Unit) -> None:
    tenant = make_client()

    for _attempt in range(2):
        services.request_check(tenant=tenant, actor="system", now=NOW)

    assert OutboxEntry.objects.filter(subject_id=tenant.pk).count() == 1


@pytest.mark.parametrize("missing", MET)
def test_one_check_that_is_not_met_keeps_the_site_closed(public: Unit, missing: str) -> None:
    tenant = make_client(Tenant.State.READY)

    is_open = record_results(
        tenant_id=tenant.pk, results=MET | {missing: False}, goes_live=True, now=NOW
    )

    tenant.refresh_from_db()
    assert not is_open
    assert tenant.state == Tenant.State.READY


def test_a_site_opens_when_all_checks_are_met_and_that_was_requested(public: Unit) -> None:
    tenant = make_client(Tenant.State.READY)

    checked = record_results(tenant_id=tenant.pk, results=MET, goes_live=False, now=NOW)
    opened = record_results(tenant_id=tenant.pk, results=MET, goes_live=True, now=NOW)

    tenant.refresh_from_db()
    assert (checked, opened) == (False, True)
    assert (tenant.state, tenant.live_at) == (Tenant.State.LIVE, NOW)


def test_the_result_of_a_check_that_exists_no_more_is_deleted(public: Unit) -> None:
    tenant = make_client(Tenant.State.READY)
    record_results(tenant_id=tenant.pk, results=MET | {"old": True}, goes_live=False, now=NOW)

    record_results(tenant_id=tenant.pk, results=MET, goes_live=False, now=NOW)

    assert set(Readiness.objects.filter(tenant=tenant).values_list("name", flat=True)) == set(MET)
