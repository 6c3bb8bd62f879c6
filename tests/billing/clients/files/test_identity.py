"""The identity of a client at the desk: what is stored, refused next to its field, and kept as typed (G-04)."""

from typing import Any

import pytest
from django.test import Client

from billing.clients.files.countries import COUNTRIES
from billing.clients.files.services import FileExistsAlready, create_client
from billing.clients.files.territory_texts import LEGAL_FORMS, TERRITORIES, VAT
from billing.clients.identity import LegalForm
from billing.clients.models import Client as ClientRow
from billing.clients.models import ClientAddress
from billing.territories import MEMBER_STATES, Territory
from billing.vat import BuyerKind, SellerRegime, decide
from tenants.audit.models import AuditEvent
from tenants.edit_form import VERSION
from tests.ledger import NOW, make_buyer
from tests.staff import address, make_client

TYPED = {
    "legal_form": "EI",
    "legal_name": "Nour Fictif",
    "trade_name": "Cabinet du Port",
    "siren": "552 100 554",
    "siret": "55210055400013",
    "vat_number": "fr 96 552100554",
    "headcount": "yes",
    "email": "nour@example.org",
    "phone": "0692 00 00 12",
    "street": "1 rue de Paris",
    "building": "Bâtiment B",
    "postcode": "97 400",
    "town": "Saint-Denis",
    "country": "FR",
    "billing_street": "",
    "billing_building": "",
    "billing_postcode": "",
    "billing_town": "",
    "billing_country": "FR",
}
BILLING = {
    "billing_street": "3 quai de Bercy",
    "billing_postcode": "75 012",
    "billing_town": "Paris",
}


def open_file(staff: Client, **changes: str) -> Any:
    """Post a new file with these changes."""
    return staff.post(address("clients:open_file"), TYPED | changes)


def correct(staff: Client, client: ClientRow, **changes: str) -> Any:
    """Post the page of an identity as it was shown, with these changes."""
    page = address("clients:identity", client.ref)
    form = staff.get(page).context["form"]
    shown = {name: form[name].value() for name in [*form.base_fields, VERSION]}
    return staff.post(page, shown | changes)


def test_a_file_is_opened_without_a_practice(staff: Client) -> None:
    answer = open_file(staff, **BILLING)

    client = ClientRow.objects.get()
    assert answer["Location"] == address("clients:file", client.ref)
    assert (client.tenant, client.is_sole_trader) == (None, True)
    assert (client.siren, client.vat_number) == ("552100554", "FR96552100554")
    assert (client.phone, client.headcount_at_most_five) == ("+262692000012", True)
    assert (client.territory, client.territory_confirmed_at) == ("RE", None)
    rows = ClientAddress.objects.order_by("kind").values_list("kind", "postcode", "town")
    assert list(rows) == [("billing", "75012", "Paris"), ("establishment", "97400", "Saint-Denis")]
    assert AuditEvent.objects.filter(verb="client.created", ref=client.ref).exists()


def test_a_practice_gets_its_file_with_what_its_order_says(staff: Client) -> None:
    practice = make_client()
    type(practice).objects.filter(pk=practice.pk).update(owner_name="Anne Titulaire")
    page = address("clients:practice_file", practice.ref)

    shown = staff.get(page).text
    sheet = staff.get(address("clients:sheet", practice.ref)).text
    staff.post(page, TYPED)
    again = staff.get(page)

    assert 'value="Anne Titulaire"' in shown
    assert f'href="{page}"' in sheet
    client = ClientRow.objects.get(tenant=practice)
    assert again["Location"] == address("clients:file", client.ref)
    assert staff.post(page, TYPED).status_code == 302
    assert ClientRow.objects.count() == 1


def test_a_practice_has_one_file(staff: Client) -> None:
    identity = open_file(staff) and ClientRow.objects.get()
    tenant = make_client()
    ClientRow.objects.filter(pk=identity.pk).update(tenant=tenant)
    form = staff.post(address("clients:open_file"), TYPED | {"legal_name": ""}).context["form"]
    form.data = TYPED
    form.full_clean()

    with pytest.raises(FileExistsAlready):
        create_client(identity=form.identity, tenant=tenant, actor="user:1", now=NOW)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"legal_form": ""}, "legal_form", "obligatoire"),
        ({"legal_name": ""}, "legal_name", "obligatoire"),
        ({"legal_name": "Nour 😀 Fictif"}, "legal_name", "😀"),
        ({"street": "1 rue 漢"}, "street", "漢"),
        ({"siren": "12"}, "siren", "neuf chiffres"),
        ({"siren": "552100555"}, "siren", "n’existe pas"),
        ({"siret": "55210055400014"}, "siret", "n’existe pas"),
        ({"siret": "35600000000048"}, "siret", "autre entreprise"),
        ({"vat_number": "FR39356000000"}, "vat_number", "autre SIREN"),
        ({"vat_number": "XX12"}, "vat_number", "deux lettres"),
        ({"email": "nour"}, "email", "adresse"),
        ({"phone": "12"}, "phone", "numéro"),
        ({"postcode": "9740"}, "postcode", "cinq chiffres"),
        ({"postcode": "97900"}, "postcode", "code postal"),
        ({"country": "xx"}, "country", "choix"),
        ({"billing_street": "3 quai", "billing_town": "Pau"}, "billing_postcode", "Complétez"),
        ({**BILLING, "billing_postcode": "7501"}, "billing_postcode", "cinq chiffres"),
        ({"headcount": "perhaps"}, "headcount", "choix"),
    ],
)
def test_what_is_wrong_is_said_next_to_its_field(
    staff: Client, changes: dict[str, str], field: str, message: str
) -> None:
    answer = open_file(staff, **changes)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert message in answer.context["form"].errors[field][0]
    assert 'value="Cabinet du Port"' in answer.text
    assert not ClientRow.objects.exists()


@pytest.mark.parametrize("typed", [{}, {"legal_name": "\x00"}, {"siren": "9" * 5000}])
def test_a_form_that_no_browser_sends_is_refused(staff: Client, typed: dict[str, str]) -> None:
    assert staff.post(address("clients:open_file"), typed).status_code == 422


def test_a_siret_gives_the_siren(staff: Client) -> None:
    open_file(staff, siren="", vat_number="")

    assert ClientRow.objects.get().siren == "552100554"


def test_a_file_without_siren_is_stored_and_says_that_no_invoice_leaves(staff: Client) -> None:
    open_file(staff, siren="", siret="", vat_number="")

    client = ClientRow.objects.get()
    page = staff.get(address("clients:file", client.ref)).text
    assert client.siren == ""
    assert "aucune facture ne peut être émise" in page


def test_another_file_with_the_same_siren_is_shown(staff: Client) -> None:
    make_buyer("Bruno Tracé")
    client = make_buyer()

    assert "Bruno Tracé" in staff.get(address("clients:file", client.ref)).text


def test_a_correction_keeps_what_was_not_touched(staff: Client) -> None:
    client = make_buyer()

    answer = correct(staff, client, trade_name="Cabinet des Tilleuls")

    client.refresh_from_db()
    assert answer.status_code == 302
    assert client.trade_name == "Cabinet des Tilleuls"
    assert client.siren == "552100554"
    assert client.territory_confirmed_at == NOW
    assert AuditEvent.objects.filter(verb="client.corrected", ref=client.ref).count() == 1


@pytest.mark.parametrize(
    ("changes", "territory"),
    [
        ({"postcode": "97133"}, "BL"),
        ({"postcode": "97150"}, "MF"),
        ({"postcode": "97110"}, "GP"),
        ({"siren": "", "siret": ""}, "FR"),
    ],
)
def test_a_change_that_matters_to_vat_withdraws_the_confirmation(
    staff: Client, changes: dict[str, str], territory: str
) -> None:
    client = make_buyer()

    correct(staff, client, **changes)

    client.refresh_from_db()
    assert (client.territory, client.territory_confirmed_at) == (territory, None)


def test_a_billing_address_is_added_and_removed(staff: Client) -> None:
    client = make_buyer()

    correct(staff, client, **BILLING)
    shown = staff.get(address("clients:file", client.ref)).text
    correct(staff, client, **dict.fromkeys(BILLING, ""))

    assert "3 quai de Bercy" in shown
    assert [row.kind for row in client.addresses.all()] == ["establishment"]


def test_a_concurrent_correction_is_not_undone(staff: Client) -> None:
    client = make_buyer()
    page = address("clients:identity", client.ref)
    form = staff.get(page).context["form"]
    shown = {name: form[name].value() for name in [*form.base_fields, VERSION]}
    ClientAddress.objects.filter(client=client).update(street="9 rue Neuve")

    answer = staff.post(page, shown | {"town": "Colmar"})

    assert answer.status_code == 409
    assert "9 rue Neuve" in answer.text
    assert client.addresses.get().town == "Strasbourg"


def test_every_code_has_its_words() -> None:
    assert set(TERRITORIES) == set(VAT) == set(Territory)
    assert set(LEGAL_FORMS) == set(LegalForm)
    assert {*MEMBER_STATES, "FR", "MC"} <= set(COUNTRIES)


@pytest.mark.parametrize("territory", Territory)
def test_the_words_about_vat_are_those_of_its_table(territory: Territory) -> None:
    found = decide(
        territory=territory,
        buyer=BuyerKind.IDENTIFIED,
        regime=SellerRegime.NORMAL,
        on=NOW.date(),
    )

    words = str(VAT[territory])
    expected = {
        "S": f"TVA {found.rate.normalize():f}".replace(".", ","),
        "E": "294-1",
        "O": "hors champ",
        "AE": "autoliquidation",
    }
    assert expected[found.category] in words
