"""A session that ends while somebody types: every form of the dashboard gives the text back after signing in."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser

from booking.models import MessageText
from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import PASSWORD, make_member
from tests.factories import Cabinet
from tests.journeys.people import OWNER, sign_in

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
PAGES = (
    "espace/motifs/nouveau/",
    "espace/motifs/{type}/",
    "espace/lieux/nouveau/",
    "espace/reglages/",
    "espace/messages/textes/{text}/",
    "espace/site/texte/presentation/",
    "espace/site/questionnaire/",
    "espace/attente/ajouter/",
    "espace/horaires/{practitioner}/semaine/",
    "espace/absences/nouvelle/",
    "espace/equipe/inviter/",
    "espace/equipe/remplacements/nouveau/",
    "espace/rendez-vous/nouveau/",
)
TYPE = """() => {
    const forms = [...document.forms].filter(form => form.method === "post");
    const form = forms.sort((a, b) => b.elements.length - a.elements.length)[0];
    let number = 0;
    for (const field of form.elements) {
        if (field.type === "checkbox") { field.checked = !field.checked; number++; }
        if (field.tagName === "SELECT") { field.selectedIndex = field.options.length - 1; number++; }
        if (field.type === "text" || field.type === "textarea") field.value = "écrit " + number++;
    }
    window.written = form;
    return number;
}"""
READ = """() => {
    const forms = [...document.forms].filter(form => form.method === "post");
    const form = forms.sort((a, b) => b.elements.length - a.elements.length)[0];
    return [...form.elements].filter(field => field.name && field.type !== "hidden" && field.type !== "submit")
        .map(field => [field.name, field.type === "checkbox" ? field.checked : field.value]);
}"""


@pytest.fixture
def office(practice: Practice) -> tuple[str, Unit, Cabinet]:
    address, unit, cabinet = practice(f"fermee{uuid.uuid4().hex[:6]}")
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
    return address, unit, cabinet


def test_what_was_typed_comes_back_on_every_page(
    browser: Browser, office: tuple[str, Unit, Cabinet]
) -> None:
    address, unit, cabinet = office
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    sign_in(page, address)
    lost: list[Any] = []
    for path in PAGES:
        url = f"{address}/" + path.format(
            type=cabinet.type.ref,
            practitioner=cabinet.practitioner.ref,
            text=MessageText.TextKind.CONFIRMATION.value,
        )
        page.clock.install()
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 200, path
        assert page.evaluate(TYPE) > 0, path
        typed = page.evaluate(READ)
        with inside(unit):
            Session.objects.all().delete()
        page.clock.fast_forward(16_000)

        page.evaluate("written.requestSubmit()")
        page.wait_for_url("**/connexion/?next=*&garde=1", timeout=10_000)
        assert "Ce que vous aviez écrit est gardé" in page.inner_text("main")
        page.fill("[name=login]", OWNER)
        page.fill("[name=password]", PASSWORD)
        page.click("main button.main")
        page.wait_for_url(url)

        if page.evaluate(READ) != typed or "est revenu" not in page.inner_text("main"):
            lost.append((path, typed, page.evaluate(READ)))
        assert page.evaluate("sessionStorage.getItem('form.typed')") is None
    context.close()

    assert lost == []


def test_ranges_that_were_added_to_a_week_come_back_too(
    browser: Browser, office: tuple[str, Unit, Cabinet]
) -> None:
    address, unit, cabinet = office
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    sign_in(page, address)
    page.clock.install()
    url = f"{address}/espace/horaires/{cabinet.practitioner.ref}/semaine/"
    page.goto(url)
    page.click("#ajouter-0")
    page.fill("[name=d0r0a]", "8h45")
    page.fill("[name=d0r0b]", "12")
    with inside(unit):
        Session.objects.all().delete()
    page.clock.fast_forward(16_000)

    page.keyboard.press("Enter")
    page.wait_for_url("**/connexion/?next=*&garde=1", timeout=10_000)
    page.fill("[name=login]", OWNER)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")
    page.wait_for_selector("#semaine [role=status]")
    back = (page.input_value("[name=d0r0a]"), page.input_value("[name=d0r0b]"))
    context.close()

    assert back == ("8h45", "12")
