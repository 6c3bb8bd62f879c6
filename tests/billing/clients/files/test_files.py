"""The list of clients' files, a file with its tabs, and what leads to them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from billing.clients import tabs
from billing.clients.models import Client as ClientRow
from billing.clients.models import ClientAddress
from billing.clients.tabs import ClientTab, register_tab
from tenants.desk.fragments import Fragment
from tenants.desk.registry import Registry
from tests.ledger import make_buyer
from tests.staff import address, make_client

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def make_files(count: int) -> None:
    """Create clients with an address, without a practice."""
    rows = ClientRow.objects.bulk_create(
        [ClientRow(legal_name=f"Client {number:05}", created_at=NOW) for number in range(count)]
    )
    ClientAddress.objects.bulk_create(
        [
            ClientAddress(client=row, kind="establishment", street="1 rue", town="Pau")
            for row in rows
        ]
    )


@pytest.mark.parametrize("count", [0, 1, 120])
def test_the_list_costs_the_same_whatever_its_length(
    staff: Client, count: int, count_queries: Callable[[], Any]
) -> None:
    make_files(count)

    with count_queries() as queries:
        answer = staff.get(address("clients:files"))

    assert answer.status_code == 200
    assert len(queries) <= 12  # savepoint and SETs of the nested request included


def test_ten_thousand_files_come_by_pages(staff: Client) -> None:
    make_files(10_000)

    page = staff.get(address("clients:files"), {"q": "client", "page": "200"}).text

    assert "Client 09999" in page
    assert "9951 à 10000 sur 10000" in page.replace("\u202f", "").replace("\xa0", "")
    assert "?q=client&amp;page=199" in page


@pytest.mark.parametrize(
    "text",
    ["dupont-lœuvre", "552 100 554", "552100554 00013", "strasb", "anais@", "Cabinet des"],
)
def test_a_file_is_found_by_name_number_town_or_mail(staff: Client, text: str) -> None:
    make_buyer(trade_name="Cabinet des Tilleuls")
    make_buyer("Bruno Tracé", siren="", siret="", email="").addresses.all().delete()

    page = staff.get(address("clients:files"), {"q": text}).text
    found = staff.get(address("desk:search"), {"q": text}).text

    assert ("Anaïs Dupont-Lœuvre" in page, "Bruno Tracé" in page) == (True, False)
    assert ("Anaïs Dupont-Lœuvre" in found, "Bruno Tracé" in found) == (True, False)


@pytest.mark.parametrize("query", [{"q": "\x00"}, {"page": "x"}, {"q": "  "}])
def test_a_search_without_meaning_filters_nothing(staff: Client, query: dict[str, str]) -> None:
    make_buyer()

    assert "Anaïs Dupont-Lœuvre" in staff.get(address("clients:files"), query).text


def test_an_empty_list_says_what_will_be_there(staff: Client) -> None:
    assert "Les dossiers apparaîtront ici" in staff.get(address("clients:files")).text
    page = staff.get(address("clients:files"), {"q": "xyzzy"}).text
    assert "Aucun dossier ne répond à cette recherche." in page


def test_a_file_shows_the_identity_first(staff: Client) -> None:
    client = make_buyer()

    page = staff.get(address("clients:file", client.ref)).text

    assert "Anaïs Dupont-Lœuvre EI" in page
    assert "4 bis rue Nationale" in page
    assert "pas encore de cabinet" in page


def test_a_practice_and_its_file_lead_to_each_other(staff: Client) -> None:
    practice = make_client()
    client = make_buyer(tenant=practice)

    sheet = staff.get(address("clients:sheet", practice.ref)).text
    file = staff.get(address("clients:file", client.ref)).text

    assert f'href="{address("clients:file", client.ref)}"' in sheet
    assert f'href="{address("clients:sheet", practice.ref)}"' in file


def test_a_registered_tab_is_shown_by_its_name(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry: Registry[ClientTab] = Registry()
    monkeypatch.setattr(tabs, "_tabs", registry)
    client = make_buyer()

    def read(shown: ClientRow, now: datetime) -> Fragment:
        assert now.tzinfo is not None
        return Fragment("clients/tabs/identity.html", {"client": shown, "name": "Autre onglet"})

    register_tab(ClientTab("identite", "Identité", 10, lambda *_: Fragment("400.html", {})))
    register_tab(ClientTab("autre", "Autre", 20, read))

    page = staff.get(address("clients:file", client.ref), {"onglet": "autre"}).text
    unknown = tabs.tab_named("\x00")

    assert "Autre onglet" in page
    assert page.count('aria-current="page"') == 3  # twice in the navigation, once in the tabs
    assert unknown.name == "identite"
