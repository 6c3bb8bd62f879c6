"""The confirmation of a client's territory (F-12): suggested by the address, decided by staff."""

from typing import Any

import pytest
from django.test import Client

from billing.clients.files.services import IncompleteFile, confirm_territory
from billing.clients.models import Client as ClientRow
from billing.territories import Territory
from tenants.edit_form import VERSION, version_of
from tests.ledger import NOW, make_buyer
from tests.staff import address


def unconfirmed(**fields: Any) -> ClientRow:
    """Return a client in Strasbourg whose territory nobody confirmed."""
    return make_buyer(territory_confirmed_at=None, **fields)


def confirm(staff: Client, client: ClientRow, territory: str, **more: str) -> Any:
    """Post the page as it was shown."""
    version = version_of({"territory": client.territory})
    data = {"territory": territory, VERSION: version, **more}
    return staff.post(address("clients:territory", client.ref), data)


def test_the_page_shows_the_address_and_what_it_suggests(staff: Client) -> None:
    client = unconfirmed()

    page = staff.get(address("clients:territory", client.ref)).text

    assert "4 bis rue Nationale" in page
    assert '<option value="FR" selected>' in page


def test_a_confirmed_territory_is_shown_as_such(staff: Client) -> None:
    client = unconfirmed()
    before = staff.get(address("clients:file", client.ref)).text

    answer = confirm(staff, client, "FR")

    client.refresh_from_db()
    after = staff.get(address("clients:file", client.ref)).text
    assert answer.status_code == 302
    assert client.territory_confirmed_at is not None
    assert ("Confirmer le territoire" in before, "Confirmer le territoire" in after) == (
        True,
        False,
    )


def test_another_territory_than_that_of_the_address_needs_a_second_look(staff: Client) -> None:
    client = unconfirmed()

    refused = confirm(staff, client, "GP")
    client.refresh_from_db()
    untouched = client.territory_confirmed_at
    confirm(staff, client, "GP", is_unlike_address="on")

    client.refresh_from_db()
    assert refused.status_code == 422
    assert "L’adresse indique France métropolitaine" in refused.text
    assert untouched is None
    assert (client.territory, bool(client.territory_confirmed_at)) == ("GP", True)


@pytest.mark.parametrize(
    ("fields", "territory", "message"),
    [
        ({"siren": "", "siret": ""}, "FR", "aucune facture ne peut"),
        ({"siret": "35600000000048"}, "FR", "autre entreprise"),
        ({}, "EU", "besoin d’un numéro de TVA"),
    ],
)
def test_a_territory_is_not_confirmed_without_the_numbers_that_it_needs(
    staff: Client, fields: dict[str, str], territory: str, message: str
) -> None:
    client = unconfirmed(**fields)

    answer = confirm(staff, client, territory, is_unlike_address="on")

    client.refresh_from_db()
    assert answer.status_code == 422
    assert message in answer.text
    assert client.territory_confirmed_at is None


def test_a_client_without_an_establishment_has_no_territory(staff: Client) -> None:
    client = unconfirmed(territory="")
    client.addresses.all().delete()

    answer = confirm(staff, client, "FR")

    assert answer.status_code == 422
    assert "Donnez d’abord l’adresse" in answer.text
    with pytest.raises(IncompleteFile):
        confirm_territory(client=client, territory=Territory.METROPOLE, actor="user:1", now=NOW)


def test_an_unknown_territory_is_refused(staff: Client) -> None:
    assert confirm(staff, unconfirmed(), "xx").status_code == 422


def test_the_history_says_who_confirmed(staff: Client) -> None:
    client = unconfirmed()
    page = address("clients:file", client.ref)
    before = staff.get(page, {"onglet": "historique"}).text

    confirm(staff, client, "FR")

    after = staff.get(page, {"onglet": "historique"}).text
    assert "Territoire confirmé" not in before
    assert "Territoire confirmé" in after
    assert "Iban Fictif" in after
