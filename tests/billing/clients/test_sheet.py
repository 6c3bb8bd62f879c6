"""The sheet of a client: its sections, and the actions that its state allows."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from billing.clients import kinds
from billing.clients.services import record_results
from tenants.models import Health, ProvisioningStep, Tenant
from tenants.outbox.models import OutboxEntry
from tests.staff import address, make_client, make_healthy


def sheet(staff: Client, tenant: Tenant) -> str:
    """Return the page of a client."""
    return staff.get(address("clients:sheet", tenant.ref)).text


def test_the_sheet_shows_the_health_and_the_history(staff: Client) -> None:
    tenant = make_healthy(make_client(), overdue_erasures=1, owner_invitation="open")
    now = datetime.now(UTC)
    Health.objects.update(owner_invited_until=now)
    ProvisioningStep.objects.create(tenant=tenant, name="failed", error="22012", at=now)
    staff.post(address("clients:suspend", tenant.ref), {"reason": "Deux factures impayées"})

    page = sheet(staff, tenant)

    assert "1 en retard" in " ".join(page.split())
    assert "22012" in page
    assert "Suspendu" in page
    assert "Deux factures impayées" in page
    assert "Iban Fictif" in page
    assert "Envoyer un nouveau lien" in page


def test_the_sections_stand_in_their_order(staff: Client) -> None:
    page = sheet(staff, make_healthy(make_client()))

    headings = [part.partition("</h2>")[0] for part in page.split("<h2 ")[1:]]
    texts = [heading.rpartition(">")[2].strip() for heading in headings]
    assert texts == [
        "Mise en place",
        "Avant la mise en ligne",
        "Santé du site",
        "Journal",
        "Contrat",
        "Dossier",
        "Invitation du titulaire",
        "Données des patients",
    ]


def test_a_tenant_that_is_not_built_has_no_section_of_invitation(staff: Client) -> None:
    page = sheet(staff, make_client(Tenant.State.ORDERED))

    assert "Invitation du titulaire" not in page
    assert "L’espace n’est pas encore créé." in page


def test_a_check_that_never_ran_is_a_question(staff: Client) -> None:
    page = sheet(staff, make_client(Tenant.State.READY))

    assert page.count('<span class="badge">?</span>') == 3
    assert "Jamais relevé." in page


def test_the_results_of_the_checks_are_shown_with_their_instant(staff: Client) -> None:
    tenant = make_client(Tenant.State.READY)
    at = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
    results = {"owner_signed_in": True, "legal_identity": False}
    record_results(tenant_id=tenant.pk, results=results, goes_live=False, now=at)

    page = sheet(staff, tenant)

    assert page.count("Manque") == 1
    assert page.count('<span class="badge">?</span>') == 1
    assert "Relevé du 10\u00a0novembre\u00a02026" in page


def test_an_old_health_is_marked_as_old(staff: Client) -> None:
    tenant = make_healthy(make_client(), checked_at=timedelta(minutes=-31))

    assert "Ce relevé est ancien" in sheet(staff, tenant)


@pytest.mark.parametrize(
    ("state", "progress"),
    [(None, "à faire"), ("pending", "en cours"), ("sent", "fait"), ("not_sent", "échec")],
)
def test_the_setup_says_how_far_the_invitation_is(
    staff: Client, state: str | None, progress: str
) -> None:
    tenant = make_client(Tenant.State.READY)
    if state:
        now = datetime.now(UTC)
        OutboxEntry.objects.create(
            kind=kinds.SEED,
            subject_type=kinds.TENANT,
            subject_id=tenant.pk,
            state=state,
            due_at=now,
            created_at=now,
            finished_at=None if state == "pending" else now,
        )

    page = sheet(staff, tenant)

    step = page.split("<b>Titulaire invité</b>")[1].partition("</li>")[0]
    assert step.strip() == progress
    assert ("Recommencer la préparation" in page) == (state == "not_sent")


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (Tenant.State.READY, "Mettre en ligne"),
        (Tenant.State.LIVE, "Suspendre"),
        (Tenant.State.SUSPENDED, "Reprendre les rendez-vous"),
    ],
)
def test_the_sheet_offers_the_action_that_the_state_allows(
    staff: Client, state: Tenant.State, action: str
) -> None:
    page = sheet(staff, make_client(state))

    offered = [
        text
        for text in ("Mettre en ligne", "Suspendre", "Reprendre les rendez-vous")
        if f">{text}</a>" in " ".join(page.split()).replace("> ", ">").replace(" <", "<")
    ]
    assert offered == [action]
