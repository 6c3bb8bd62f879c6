"""Messages in a real browser: a failure explained and sent again, and words of one's own."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, ViewportSize

from booking.models import MessageText, Practice
from booking.rules import kinds
from booking.scheduling.queries import free_slots
from tenants.accounts.models import Role
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet, make_appointment
from tests.journeys.people import OWNER, sign_in

MakePractice = Callable[[str], tuple[str, Unit, Cabinet]]
SIZES: tuple[ViewportSize, ...] = ({"width": 390, "height": 844}, {"width": 1280, "height": 900})


@pytest.mark.parametrize("size", SIZES)
def test_a_failure_is_sent_again_and_a_text_is_written(
    browser: Browser, practice: MakePractice, size: ViewportSize
) -> None:
    address, unit, cabinet = practice(f"mots{uuid.uuid4().hex[:6]}")
    now = datetime.now(UTC)
    with inside(unit):
        make_member(Role.OWNER, OWNER)
        Practice.objects.update(sms_enabled=True)
        slots = free_slots(
            appointment_type=cabinet.type,
            from_on=now.date() + timedelta(days=3),
            until_on=now.date() + timedelta(days=10),
            now=now,
        )
        for slot in slots[:16:2]:
            make_appointment(cabinet, slot.starts_at, now=now)
        failed = OutboxEntry.objects.filter(kind=kinds.CONFIRMATION).order_by("id")[0]
        OutboxEntry.objects.filter(pk=failed.pk).update(
            state="failed", reason="refused", finished_at=now
        )
    context = browser.new_context(viewport=size, locale="fr-FR", bypass_csp=True)
    page = context.new_page()
    sign_in(page, address)

    page.goto(f"{address}/espace/messages/")
    faults = faults_of(page, unfold=True)
    page.select_option("[name=etat]", "non-remis")
    page.get_by_role("button", name="Filtrer").click()
    page.get_by_text("1 message.").wait_for()
    ledger_text = page.inner_text("ul.message-list")
    page.get_by_role("button", name="Renvoyer").click()
    page.get_by_text("Le message repart").wait_for()
    page.goto(f"{address}/espace/messages/textes/")
    faults += faults_of(page, unfold=True)
    page.get_by_role("link", name="Ajouter Rappel").click()
    page.fill("[name=text]", "Bonjour {nom}")
    page.get_by_role("button", name="Enregistrer le texte").click()
    refused = page.inner_text(".err")
    faults += faults_of(page, unfold=True)
    page.fill("[name=text]", "Bonjour {prenom}, venez à {heure} avec votre carte.")
    page.fill("[name=sms_text]", "Sonnez.")
    page.get_by_role("button", name="Voir l’aperçu").click()
    preview = page.inner_text(".mailtext")
    faults += faults_of(page, unfold=True)
    page.get_by_role("button", name="Enregistrer le texte").click()
    page.wait_for_url("**/textes/")
    faults += faults_of(page, unfold=True)

    page.get_by_role("link", name="Résumé de la journée").click()
    page.wait_for_url("**/resume/")
    faults += faults_of(page, unfold=True)
    page.get_by_label("Recevoir le résumé").check()
    page.fill("[name=minute]", "6h30")
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_text("C’est enregistré.").wait_for()

    context.close()
    with inside(unit):
        assert OutboxEntry.objects.filter(kind=kinds.DIGEST, state="pending").exists()
        assert MessageText.objects.get().text.startswith("Bonjour {prenom}")
        assert (
            OutboxEntry.objects.filter(
                subject_id=failed.subject_id, dedup_key__endswith="#again.1"
            ).count()
            == 1
        )
    assert faults == []
    assert "l’adresse est sans doute fausse" in ledger_text
    assert "« {nom} » n’est pas remplacé" in refused
    assert "Bonjour Camille, venez à 14\u00a0h\u00a030 avec votre carte." in preview
