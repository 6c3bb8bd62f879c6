"""In a real browser: two people on one appointment type, and the colleague who leaves."""

from collections.abc import Callable

from playwright.sync_api import Page

from booking.models import Appointment, Practitioner
from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet
from tests.journeys.people import sign_in

COLLEAGUE = "hugo@example.org"


def test_two_people_on_one_appointment_type(
    new_page: Callable[[], Page],
    office: tuple[str, Unit, Cabinet],
) -> None:
    address, unit, cabinet = office
    with inside(unit):
        make_member(Role.OWNER, COLLEAGUE)
    editor = f"{address}/espace/motifs/{cabinet.type.ref}/"
    first, second = new_page(), new_page()
    sign_in(first, address)
    sign_in(second, address, email=COLLEAGUE)
    first.goto(editor)
    second.goto(editor)

    second.fill("[name=price_text]", "75 €")
    second.click("main p.actions button.main")
    second.wait_for_url("**/motifs/")
    first.fill("[name=instructions]", "Apportez vos examens récents.")
    first.click("main p.actions button.main")
    first.wait_for_selector("#erreurs")

    assert "Quelqu’un a changé cette page entre-temps" in first.inner_text("#erreurs")
    assert "75 €" in first.inner_text("#erreurs")
    assert first.input_value("[name=instructions]") == "Apportez vos examens récents."
    faults = faults_of(first, unfold=True)
    first.fill("[name=price_text]", "75 €")
    first.click("main p.actions button.main")
    first.wait_for_url("**/motifs/")
    with inside(unit):
        cabinet.type.refresh_from_db()
    assert cabinet.type.price_text == "75 €"
    assert cabinet.type.instructions == "Apportez vos examens récents."
    assert faults == []


def test_a_colleague_leaves_and_another_takes_over(
    new_page: Callable[[], Page],
    office: tuple[str, Unit, Cabinet],
) -> None:
    address, unit, cabinet = office
    with inside(unit):
        colleague = make_member(Role.PRACTITIONER, COLLEAGUE)
        other = Practitioner.objects.exclude(pk=cabinet.practitioner.pk).get()
        cabinet.type.practitioners.add(other)
        Practitioner.objects.filter(pk=cabinet.practitioner.pk).update(user=colleague)
    page = new_page()
    sign_in(page, address)
    page.goto(f"{address}/espace/equipe/")
    page.click(f"li:has-text('{COLLEAGUE}') a.danger")
    page.wait_for_url("**/fermer/")

    assert "1 rendez-vous est prévu." in page.inner_text("main").replace("\u00a0", " ")
    faults = faults_of(page, unfold=True)
    page.check("[name=agenda][value=hand_over]")
    page.select_option("[name=colleague]", label=other.name)
    page.click("main button.danger")
    page.wait_for_url(f"{address}/espace/equipe/")

    assert f"passe à {other.name}" in page.inner_text("main")
    faults += faults_of(page, unfold=True)
    with inside(unit):
        assert Appointment.objects.get().practitioner == other
        assert not Practitioner.objects.get(pk=cabinet.practitioner.pk).is_active
    assert faults == []
