"""The pages of the frame draw what is registered, and nothing of it as HTML that it did not write."""

import pytest
from django.template import Context, Template
from django.test import Client

from tenants.desk import navigation, overview, search
from tenants.desk.fragments import Fragment
from tenants.desk.overview import OverviewList, Tile, TileGroup
from tenants.desk.registry import Registry
from tenants.desk.search import SearchProvider, SearchResult
from tests.staff import address


def test_the_navigation_links_every_entry_and_marks_the_current_one(staff: Client) -> None:
    page = staff.get(address("desk:overview")).text

    links = page.split("<nav", 1)[1].split("</nav>")[0]
    assert links.count("<li>") == len(navigation.navigation())
    assert f'href="{address("clients:list")}"' in links
    assert links.count("aria-current") == 1
    assert f'href="{address("desk:overview")}" aria-current="page">Veille' in links
    assert links.index("Veille") < links.index("Clients") < links.index("Recherche")


def test_the_overview_draws_registered_tiles_and_lists(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "_tile_groups", Registry())
    monkeypatch.setattr(overview, "_lists", Registry())
    tiles = [
        Tile("Factures <b>", "3", is_good=False, detail="impayées", url="/bureau/x/?a=1&b=2"),
        Tile("Mandats", "0", is_good=True, detail="en attente", url="/bureau/y/"),
    ]
    overview.register_tiles(TileGroup("bills", 1, lambda now: tiles))
    overview.register_list(
        OverviewList("empty", 1, lambda now: Fragment("clients/to_do.html", {"rows": []}))
    )

    page = staff.get(address("desk:overview")).text

    assert page.count('<li class="bad">') == page.count('<li class="ok">') == 1
    assert '<a href="/bureau/x/?a=1&amp;b=2">Factures &lt;b&gt;</a>' in page
    assert "Rien : chaque cabinet va bien." in page


def test_the_search_shows_results_by_provider(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_providers", Registry())
    result = SearchResult("Anne <i>", "/bureau/clients/x/", "En ligne")
    search.register_search(SearchProvider("clients", "Clients", 1, lambda text, limit: [result]))

    page = staff.get(address("desk:search"), {"q": 'calque"'}).text

    assert '<a href="/bureau/clients/x/">Anne &lt;i&gt;</a>' in page
    assert 'value="calque&quot;"' in page


def test_the_search_says_when_nothing_matches(staff: Client) -> None:
    answer = "Rien ne répond à cette recherche."

    assert answer in staff.get(address("desk:search"), {"q": "xyzzy"}).text
    assert answer not in staff.get(address("desk:search")).text


def test_a_nul_in_the_search_text_is_no_error(staff: Client) -> None:
    assert staff.get(address("desk:search"), {"q": "a\x00b"}).status_code == 200


def test_a_fragment_sees_the_page_and_its_own_values_first() -> None:
    fragment = Fragment("clients/state.html", {"label": "<b>", "colour": "ok"})
    page = Template("{% load desk %}{% fragment item %}{{ label }}")

    drawn = page.render(Context({"item": fragment, "label": "page", "icon_name": ""}))

    assert "".join(drawn.split()) == '<spanclass="badgeok">&lt;b&gt;</span>page'
