"""Ordering a tenant: the form, the attestations (G-03), the name (G-02), and the entry that seeds it."""

from typing import Any

import pytest
from django.test import Client

from billing.clients.kinds import SEED
from tenants.models import Tenant
from tenants.outbox.models import OutboxEntry
from tests.staff import address

ORDER = {
    "practice_name": "Théo Croquis",
    "subdomain": "theo-croquis",
    "is_name_checked": "on",
    "profession": "Sophrologue",
    "time_zone": "Europe/Paris",
    "territory": "",
    "owner_name": "Théo Croquis",
    "owner_email": "Theo@Example.org",
    "is_professional": "on",
    "is_adult": "on",
}


def post(staff: Client, fields: dict[str, str]) -> Any:
    """Post an order."""
    return staff.post(address("clients:order"), fields)


def test_an_order_creates_the_client_and_asks_for_its_seed(staff: Client) -> None:
    answer = post(staff, ORDER)

    ordered = Tenant.objects.get(name="Théo Croquis")
    assert answer["Location"] == address("clients:sheet", ordered.ref)
    assert ordered.state == Tenant.State.ORDERED
    assert ordered.owner_email == "theo@example.org"
    assert ordered.professional_attested_at
    assert ordered.adult_attested_at
    assert ordered.attestation_text_version == "T-4/1"
    assert ordered.domains.get().domain == "theo-croquis.lib-rdv.localhost"
    assert OutboxEntry.objects.filter(kind=SEED, subject_id=ordered.pk).count() == 1


@pytest.mark.parametrize("box", ["is_professional", "is_adult", "is_name_checked"])
def test_each_attestation_is_required(staff: Client, box: str) -> None:
    answer = post(staff, {name: value for name, value in ORDER.items() if name != box})

    assert answer.status_code == 422
    assert not Tenant.objects.filter(name="Théo Croquis").exists()


def test_what_was_typed_stays_when_an_order_is_refused(staff: Client) -> None:
    answer = post(staff, {**ORDER, "subdomain": "www"})

    assert "Ce nom est réservé" in answer.text
    assert 'value="Théo Croquis"' in answer.text


def test_a_name_that_is_taken_is_refused(staff: Client) -> None:
    post(staff, ORDER)

    answer = post(staff, ORDER)

    assert answer.status_code == 422
    assert Tenant.objects.filter(name="Théo Croquis").count() == 1


def correct(staff: Client, tenant: Tenant, **changes: str) -> Any:
    """Post the correction of an order as its page was shown, with these changes."""
    page = address("clients:correct", tenant.ref)
    form = staff.get(page).context["form"]
    shown = {name: form[name].value() or "" for name in form.fields}
    return staff.post(page, shown | {"owner_name": "Théo Croquis"} | changes)


def test_staff_correct_the_address_of_an_owner(staff: Client) -> None:
    post(staff, ORDER)
    tenant = Tenant.objects.get(name="Théo Croquis")

    answer = correct(staff, tenant, practice_name="Cabinet Croquis", owner_email="T@Example.net")

    tenant.refresh_from_db()
    assert answer["Location"] == address("clients:sheet", tenant.ref)
    assert (tenant.name, tenant.owner_email) == ("Cabinet Croquis", "t@example.net")
    assert "corrigés" in staff.get(address("clients:sheet", tenant.ref)).text


def test_a_wrong_correction_changes_nothing(staff: Client) -> None:
    post(staff, ORDER)
    tenant = Tenant.objects.get(name="Théo Croquis")

    refused = correct(staff, tenant, owner_email="theo", practice_name="")

    tenant.refresh_from_db()
    assert refused.status_code == 422
    assert set(refused.context["form"].errors) == {"owner_email", "practice_name"}
    assert tenant.owner_email == "theo@example.org"


def test_a_concurrent_correction_is_not_undone(staff: Client) -> None:
    post(staff, ORDER)
    tenant = Tenant.objects.get(name="Théo Croquis")
    page = address("clients:correct", tenant.ref)
    form = staff.get(page).context["form"]
    shown = {name: form[name].value() or "" for name in form.fields}
    Tenant.objects.filter(pk=tenant.pk).update(owner_email="other@example.org")

    answer = staff.post(page, shown | {"practice_name": "Autre"})

    assert answer.status_code == 409
    assert "other@example.org" in answer.text
