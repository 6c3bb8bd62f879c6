"""A practice shows the identity of its own confirmed file, and nothing of another's (ADR 87)."""

import html
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from billing.clients.files.services import ClientIdentity, correct_client
from billing.clients.handlers import StateIdentity
from billing.clients.identity import LegalForm
from billing.clients.models import Client, IdentityStatement
from billing.clients.practice_queries import own_identity
from billing.parties import Address
from booking.models import Practice
from booking.models.practice import CONTRACT_FIELDS
from booking.practice.first_day import FirstDayStep, progress
from booking.practice.legal_identity import (
    STATED_FIELDS,
    has_legal_identity,
    legal_identity,
    register_identity_source,
)
from booking.rules.kinds import IDENTITY_STATED
from booking.scheduling.catalogue import save_practice
from tenants.accounts.models import Role
from tenants.models import Tenant
from tenants.outbox.delivery import SENT
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import browser, make_member
from tests.conftest import TENANT_ONE, TENANT_TWO
from tests.factories import NOW as FACTORY_NOW
from tests.factories import Cabinet, make_practice
from tests.ledger import NOW, make_buyer


@pytest.fixture
def cabinet(tenant: Unit) -> Iterator[Cabinet]:
    """Return a practice of one practitioner, open, on Tuesday 10 November 2026 at 10:40 in Paris."""
    cache.clear()
    with time_machine.travel(FACTORY_NOW, tick=False):
        yield Cabinet()


def file_of(unit: Unit, name: str = "Anaïs Dupont-Lœuvre", **fields: Any) -> Client:
    """Open a confirmed file for the practice of a unit."""
    with inside(PUBLIC):
        tenant = Tenant.objects.get(schema_name=unit.schema)
        return make_buyer(name, tenant=tenant, **fields)


def test_a_practice_reads_its_own_identity_only(public: Unit) -> None:
    first_tenant = Tenant.objects.get(schema_name=TENANT_ONE.schema)
    second_tenant = Tenant.objects.get(schema_name=TENANT_TWO.schema)
    make_buyer("Anaïs Une", tenant=first_tenant)
    make_buyer("Bruno Deux", tenant=second_tenant)

    with inside(TENANT_ONE):
        first = own_identity()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM for_tenants.client_identity")
            [count] = cursor.fetchone()
    with inside(TENANT_TWO):
        second = own_identity()

    assert first
    assert second
    assert (first.name, second.name) == ("Anaïs Une EI", "Bruno Deux EI")
    assert count == 1


@pytest.mark.parametrize("change", ["unconfirmed", "no address"])
def test_a_file_that_staff_did_not_confirm_is_not_shown(public: Unit, change: str) -> None:
    client = make_buyer(tenant=Tenant.objects.get(schema_name=TENANT_ONE.schema))
    if change == "unconfirmed":
        Client.objects.update(territory_confirmed_at=None)
    else:
        client.addresses.all().delete()

    with inside(TENANT_ONE):
        assert own_identity() is None


def test_a_company_has_no_mention_of_a_sole_trader(public: Unit) -> None:
    tenant = Tenant.objects.get(schema_name=TENANT_ONE.schema)
    make_buyer("SELARL du Port", tenant=tenant, legal_form="SELARL", is_sole_trader=False)

    with inside(TENANT_ONE):
        found = own_identity()

    assert found
    assert (found.name, found.legal_form) == ("SELARL du Port", "SELARL")


def page(host: str, path: str) -> str:
    """Return a page of the practice's site as a visitor reads it."""
    return html.unescape(Browser(SERVER_NAME=host).get(path).text)


def test_the_site_shows_the_confirmed_identity_instead_of_the_stated_one(
    cabinet: Cabinet, tenant: Unit, host: str
) -> None:
    stated = page(host, "/mentions-legales/")
    file_of(tenant, vat_number="FR96552100554")

    mentions = page(host, "/mentions-legales/")
    privacy = page(host, "/confidentialite/")
    rights = page(host, "/mes-donnees/")

    assert "Maite Exemple EI" in stated
    for part in ("Anaïs Dupont-Lœuvre EI", "4 bis rue Nationale", "552100554", "FR96552100554"):
        assert part in mentions
    assert "Maite Exemple EI" not in mentions + privacy
    assert "Anaïs Dupont-Lœuvre EI" in privacy
    assert "4 bis rue Nationale" in rights


def test_the_privacy_page_is_dated_by_a_correction_of_the_file(
    cabinet: Cabinet, tenant: Unit, host: str
) -> None:
    client = file_of(tenant, siret="")
    before = page(host, "/confidentialite/")
    identity = ClientIdentity(
        legal_form=LegalForm.SOLE_TRADER,
        legal_name="Anaïs Dupont",
        siren="552100554",
        establishment=Address("4 bis rue Nationale", "67000", "Strasbourg"),
    )

    later = NOW.replace(year=2027, month=2, day=3)
    with inside(PUBLIC):
        correct_client(client=client, identity=identity, actor="user:1", now=later)
    after = page(host, "/confidentialite/")

    assert ("3\u00a0février\u00a02027" in before, "3\u00a0février\u00a02027" in after) == (
        False,
        True,
    )


def test_the_settings_no_longer_ask_for_what_the_contract_says(
    cabinet: Cabinet, tenant: Unit, host: str
) -> None:
    owner = browser(host, make_member(Role.OWNER))
    before = owner.get(reverse("dashboard:practice"))
    file_of(tenant)

    after = owner.get(reverse("dashboard:practice"))
    form = after.context["form"]
    sent = {name: field.value() or "" for name, field in ((n, form[n]) for n in form.fields)}
    saved = owner.post(
        reverse("dashboard:practice"),
        {**sent, "reminder_minute": "18h", "legal_name": "Autre nom", "about": "Bonjour"},
    )

    assert set(CONTRACT_FIELDS) <= set(before.context["form"].fields)
    assert not set(CONTRACT_FIELDS) & set(form.fields)
    assert "Ces lignes viennent de votre contrat" in after.text
    assert saved.status_code == 302
    assert Practice.objects.get().legal_name == "Maite Exemple EI"


def test_a_confirmed_identity_completes_what_the_practice_states(
    cabinet: Cabinet, tenant: Unit, host: str
) -> None:
    Practice.objects.update(**dict.fromkeys(CONTRACT_FIELDS, ""))
    practice = Practice.objects.get()
    missing = has_legal_identity(practice), FirstDayStep.LEGAL_IDENTITY in progress().done
    file_of(tenant)
    owner = browser(host, make_member(Role.OWNER))

    first_day = owner.get(reverse("dashboard:first_legal_identity"))

    assert missing == (False, False)
    assert has_legal_identity(practice)
    assert FirstDayStep.LEGAL_IDENTITY in progress().done
    assert "Ces lignes viennent de votre contrat" in first_day.text
    Practice.objects.update(publication_director="")
    assert not has_legal_identity(Practice.objects.get())
    assert "publication_director" in STATED_FIELDS


def test_without_a_file_the_practice_states_its_identity(tenant: Unit) -> None:
    practice = make_practice(legal_name="")

    found = legal_identity(practice)

    assert (found.name, found.is_confirmed, found.changed_at) == (practice.name, False, None)


def test_there_is_one_source_of_identities() -> None:
    with pytest.raises(ValueError, match="own_identity"):
        register_identity_source(own_identity)


def test_a_practice_asks_for_a_correction_and_staff_read_it(
    cabinet: Cabinet, tenant: Unit, host: str
) -> None:
    owner = browser(host, make_member(Role.OWNER))
    request_page = reverse("dashboard:identity_request")
    before = owner.get(request_page).context["form"]["legal_name"].value()
    file_of(tenant)
    form = owner.get(request_page).context["form"]
    shown = {name: form[name].value() for name in form.fields}

    refused = owner.post(request_page, {**shown, "street": "", "siren": "12"})
    answer = owner.post(request_page, {**shown, "street": "9 rue Neuve"})
    [entry] = OutboxEntry.objects.filter(kind=IDENTITY_STATED)
    deliver = StateIdentity().prepare(entry, NO_PAYLOAD, unit=tenant, now=NOW)
    assert callable(deliver)
    assert deliver() == SENT

    assert before == "Maite Exemple EI"
    assert shown["legal_name"] == "Anaïs Dupont-Lœuvre EI"
    assert set(refused.context["form"].errors) == {"street", "siren"}
    assert answer["Location"] == reverse("dashboard:practice")
    assert "4 bis rue Nationale" in page(host, "/mentions-legales/")
    with inside(PUBLIC):
        statement = IdentityStatement.objects.get(tenant__schema_name=tenant.schema)
        assert statement.street == "9 rue Neuve"
        assert statement.decided_at is None


def test_only_the_owner_asks_for_a_correction(cabinet: Cabinet, tenant: Unit, host: str) -> None:
    file_of(tenant)

    answer = browser(host, make_member(Role.SECRETARY)).get(reverse("dashboard:identity_request"))

    assert answer.status_code in {302, 403}


def test_what_the_settings_state_reaches_staff(cabinet: Cabinet, tenant: Unit) -> None:
    save_practice(values={"street": "9 rue Neuve"}, actor="user:1", now=FACTORY_NOW)
    save_practice(values={"about": "Bonjour"}, actor="user:1", now=FACTORY_NOW.replace(minute=59))

    [entry] = OutboxEntry.objects.filter(kind=IDENTITY_STATED)

    assert entry.state == OutboxEntry.EntryState.PENDING
