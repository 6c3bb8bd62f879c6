"""Team, account and desk in a real browser: an access ends mid-use, an address comes back, a site is suspended."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page
from pytest_django.plugin import DjangoDbBlocker

from booking.models import Practice as PracticeRow
from tenants.accounts.models import EmailChange, Invitation, User
from tenants.accounts.services import addresses
from tenants.accounts.services.staff import close_account
from tenants.models import Tenant
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import PASSWORD, add_totp, make_user, memberships_of, totp_code
from tests.browser import faults_of
from tests.factories import Cabinet
from tests.journeys.people import OWNER, SECRETARY, sign_in

Practice = Callable[[str], tuple[str, Unit, Cabinet]]


def test_a_colleague_is_revoked_while_signed_in(
    new_page: Callable[[], Page], office: tuple[str, Unit, Cabinet]
) -> None:
    address, unit, _cabinet = office
    owner, colleague = new_page(), new_page()
    sign_in(owner, address)
    sign_in(colleague, address, email=SECRETARY)
    colleague.goto(f"{address}/espace/rendez-vous/nouveau/")
    owner.goto(f"{address}/espace/equipe/")
    faults = faults_of(owner, unfold=True)

    owner.click("main a:text-is('Nadia Témoin')")
    owner.wait_for_url("**/equipe/*-*/")
    faults += faults_of(owner, unfold=True)
    owner.click("text=Changer le rôle ou les dates")
    owner.wait_for_url("**/changer/")
    faults += faults_of(owner, unfold=True)
    owner.click("text=Ne rien changer")
    owner.wait_for_url("**/equipe/*-*/")
    owner.click("text=Fermer l’accès")
    owner.wait_for_url("**/fermer/")
    faults += faults_of(owner, unfold=True)
    owner.click("main button.danger")
    owner.wait_for_url(f"{address}/espace/equipe/")
    colleague.fill("[name=name]", "Lou Échantillon")
    colleague.click("main button.main")
    colleague.wait_for_url("**/connexion/**")

    assert "ses sessions aussi" in owner.inner_text("main")
    with inside(unit):
        assert not User.objects.get(email=SECRETARY).is_active
    assert faults == []


def test_an_address_is_changed_and_put_back(
    new_page: Callable[[], Page], office: tuple[str, Unit, Cabinet]
) -> None:
    address, unit, _cabinet = office
    page, mailbox = new_page(), new_page()
    sign_in(page, address)
    page.goto(f"{address}/compte/securite/")
    faults = faults_of(page, unfold=True)
    page.click("text=Changer l’adresse")
    page.wait_for_url("**/compte/adresse/")
    faults += faults_of(page, unfold=True)
    page.fill("[name=email]", "maite.exemple@example.net")
    page.fill("[name=password]", PASSWORD)
    page.click("text=Demander le changement")
    faults += faults_of(page, unfold=True)
    with inside(unit):
        change = EmailChange.objects.get()
        links = addresses.confirm_token(change), addresses.undo_token(change)

    mailbox.goto(f"{address}/compte/adresse/confirmer/{links[0]}/")
    faults += faults_of(mailbox, unfold=True)
    mailbox.click("main button.main")
    with inside(unit):
        changed = User.objects.get(pk=change.user_id).email
    mailbox.goto(f"{address}/compte/adresse/retablir/{links[1]}/")
    faults += faults_of(mailbox, unfold=True)
    mailbox.click("main button.main")
    faults += faults_of(mailbox, unfold=True)
    page.goto(f"{address}/espace/")
    mailbox.goto(f"{address}/compte/adresse/retablir/{links[1]}/")
    faults += faults_of(mailbox, unfold=True)

    with inside(unit):
        restored = User.objects.get(pk=change.user_id).email
    assert (changed, restored) == ("maite.exemple@example.net", OWNER)
    assert "/connexion/" in page.url
    assert "Ce lien ne sert plus" in mailbox.inner_text("h1")
    assert faults == []


def test_the_pages_of_account_and_privacy_have_no_fault(
    new_page: Callable[[], Page], office: tuple[str, Unit, Cabinet]
) -> None:
    address, unit, _cabinet = office
    page, phone = new_page(), new_page()
    sign_in(phone, address)
    sign_in(page, address)
    faults = []
    for path in ("compte/profil/", "compte/sessions/", "espace/mes-actes/"):
        page.goto(f"{address}/{path}")
        faults += faults_of(page, unfold=True)
    page.goto(f"{address}/compte/sessions/")
    page.click("text=Fermer toutes les autres")
    phone.goto(f"{address}/espace/")
    page.goto(f"{address}/espace/confidentialite/")
    faults += faults_of(page, unfold=True)
    page.fill("[name=retention_days]", "180")
    page.click("main button.main")
    faults += faults_of(page, unfold=True)
    page.click("main button.danger")
    faults += faults_of(page, unfold=True)

    with inside(unit):
        assert PracticeRow.objects.get().retention_days == 180
        assert Invitation.objects.count() == 1
        assert memberships_of(User.objects.get(email=OWNER))[0].revoked_at is None
    assert "/connexion/" in phone.url
    assert faults == []


@pytest.fixture
def staff(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A member of staff with an application of codes, for as long as the test lasts."""
    email = f"equipe-{uuid.uuid4().hex[:8]}@example.org"
    with django_db_blocker.unblock():
        with inside(PUBLIC):
            add_totp(make_user(email, is_staff=True, name="Iban Fictif"))
        yield email
        with inside(PUBLIC):
            close_account(email=email, now=datetime.now(UTC))


def test_the_desk_finds_a_client_and_suspends_it(
    new_page: Callable[[], Page], office: tuple[str, Unit, Cabinet], staff: str
) -> None:
    address, unit, _cabinet = office
    desk = f"http://lib-rdv.localhost:{address.rpartition(':')[2]}"
    page = new_page()
    page.goto(f"{desk}/bureau/")
    page.fill("[name=login]", staff)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")
    page.fill("[name=code]", totp_code())
    page.click("main button.main")
    page.wait_for_url(f"{desk}/bureau/")

    page.goto(f"{desk}/bureau/veille/")
    faults = faults_of(page, unfold=True)
    page.goto(f"{desk}/bureau/")
    page.fill("[name=q]", unit.schema)
    page.select_option("[name=etat]", "live")
    page.click("form.filters button")
    page.wait_for_url("**/?q=*")
    faults += faults_of(page, unfold=True)
    page.click("tbody a")
    page.wait_for_url("**/clients/*-*/")
    faults += faults_of(page, unfold=True)
    page.click("main a:text-is('Suspendre')")
    page.wait_for_url("**/suspendre/")
    page.fill("[name=reason]", "Deux factures impayées")
    page.click("main button.danger")
    page.wait_for_url("**/clients/*-*/")
    faults += faults_of(page, unfold=True)
    with inside(PUBLIC):
        suspended = Tenant.objects.get(schema_name=unit.schema).state
    page.click("text=Reprendre les rendez-vous")
    page.wait_for_url("**/acte/reprendre/")
    faults += faults_of(page, unfold=True)
    page.click("main button.main")
    page.wait_for_url("**/clients/*-*/")

    with inside(PUBLIC):
        resumed = Tenant.objects.get(schema_name=unit.schema).state
    assert (suspended, resumed) == (Tenant.State.SUSPENDED, Tenant.State.LIVE)
    assert "Iban Fictif" in page.inner_text("main")
    assert faults == []
