"""The list of clients and the search: what they match, and that their cost does not grow."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tenants.models import Domain, Tenant
from tests.staff import address, make_client, make_healthy


@pytest.mark.parametrize("count", [0, 1, 120])
def test_the_list_costs_the_same_whatever_its_length(
    staff: Client, count: int, count_queries: Callable[[], Any]
) -> None:
    for number in range(count):
        make_client(name=f"Client {number:03}")

    with count_queries() as queries:
        answer = staff.get(address("clients:list"))

    assert answer.status_code == 200
    assert len(queries) <= 11  # savepoint and SETs of the nested request included


def test_the_list_is_filtered_by_a_text_and_a_state(staff: Client) -> None:
    make_client(name="Anne Calque")
    make_client(Tenant.State.SUSPENDED, name="Bruno Tracé")

    by_name = staff.get(address("clients:list"), {"q": "calque"}).text
    by_state = staff.get(address("clients:list"), {"etat": "suspended"}).text

    assert ("Anne Calque" in by_name, "Bruno Tracé" in by_name) == (True, False)
    assert ("Anne Calque" in by_state, "Bruno Tracé" in by_state) == (False, True)


@pytest.mark.parametrize("query", [{"etat": "xyz"}, {"souci": "xyz"}, {"q": "\x00"}, {"page": "x"}])
def test_a_filter_without_meaning_filters_nothing(staff: Client, query: dict[str, str]) -> None:
    make_client(name="Anne Calque")

    assert "Anne Calque" in staff.get(address("clients:list"), query).text


def test_the_pages_of_the_list_keep_its_filter(staff: Client) -> None:
    for number in range(51):
        make_healthy(make_client(name=f"L’Été {number:03}"), failed_messages=1)

    first = staff.get(address("clients:list"), {"q": "l’été", "souci": "messages"}).text

    link = "?q=l%E2%80%99%C3%A9t%C3%A9&amp;etat=&amp;souci=messages&amp;page=2"
    assert f'href="{link}"' in first
    assert "1 à 50 sur 51" in first


def test_a_list_without_results_says_so(staff: Client) -> None:
    page = staff.get(address("clients:list"), {"q": "xyzzy"}).text

    assert "Aucun client." in page
    assert "Aucun client ne répond à cette recherche." in page


def test_the_search_finds_clients_by_name_owner_and_host_name(staff: Client) -> None:
    tenant = make_client(name="Anne Calque")
    Tenant.objects.filter(pk=tenant.pk).update(owner_name="Bruno Tracé")
    Domain.objects.filter(tenant=tenant).update(domain="atelier.lib-rdv.localhost")

    for text in ("calque", "TRACÉ", "atelier"):
        page = staff.get(address("desk:search"), {"q": text}).text
        assert f'<a href="{address("clients:sheet", tenant.ref)}">Anne Calque</a>' in page
        assert "En ligne, atelier.lib-rdv.localhost" in page


def test_the_search_shows_a_client_of_several_host_names_once(staff: Client) -> None:
    tenant = make_client(name="Anne Calque")
    Domain.objects.create(tenant=tenant, domain="calque.example.org", is_primary=False)
    Domain.objects.filter(tenant=tenant, is_primary=True).update(domain="calque.lib-rdv.localhost")

    page = staff.get(address("desk:search"), {"q": "calque"}).text

    assert page.count(">Anne Calque</a>") == 1
