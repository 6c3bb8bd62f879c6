"""The registries of the frame: a duplicate name is refused, the order is explicit."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tenants.desk import client_sheet, navigation, overview, search
from tenants.desk.client_sheet import ClientSection, SheetColumn
from tenants.desk.fragments import Fragment
from tenants.desk.navigation import NavigationEntry
from tenants.desk.overview import OverviewList, Tile, TileGroup
from tenants.desk.registry import Registry
from tenants.desk.search import SearchProvider, SearchResult
from tenants.models import Tenant

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


def entry(name: str, order: int) -> NavigationEntry:
    """Return a navigation entry."""
    return NavigationEntry(name, name.title(), "desk:overview", order)


def test_entries_are_read_in_their_order_and_by_name_where_it_is_equal() -> None:
    registry: Registry[NavigationEntry] = Registry()
    for name, order in (("clients", 20), ("search", 900), ("overview", 10), ("bills", 20)):
        registry.register(entry(name, order))

    assert [found.name for found in registry.in_order()] == [
        "overview",
        "bills",
        "clients",
        "search",
    ]


def test_a_duplicate_name_is_refused() -> None:
    registry: Registry[NavigationEntry] = Registry()
    registry.register(entry("clients", 20))

    with pytest.raises(ValueError, match="clients"):
        registry.register(entry("clients", 30))


@pytest.mark.parametrize(
    ("register", "registered"),
    [
        (navigation.register_navigation, entry("overview", 1)),
        (overview.register_tiles, TileGroup("health", 1, lambda now: [])),
        (overview.register_list, OverviewList("to_do", 1, lambda now: Fragment("x.html", {}))),
        (search.register_search, SearchProvider("clients", "Clients", 1, lambda text, limit: [])),
        (client_sheet.register_section, ClientSection("setup", 1, lambda tenant, now: None)),
    ],
)
def test_each_register_function_refuses_a_name_that_is_registered(
    register: Any, registered: Any
) -> None:
    with pytest.raises(ValueError, match=registered.name):
        register(registered)


def test_tiles_of_all_groups_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "_tile_groups", Registry())
    tiles = [Tile(str(number), str(number), True, "", "/") for number in range(3)]
    overview.register_tiles(TileGroup("second", 20, lambda now: tiles[2:]))
    overview.register_tiles(TileGroup("first", 10, lambda now: tiles[:2]))

    assert overview.tiles(now=NOW) == tiles


def test_lists_are_read_at_the_given_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "_lists", Registry())
    overview.register_list(OverviewList("one", 1, lambda now: Fragment("a.html", {"now": now})))

    assert overview.lists(now=NOW) == [Fragment("a.html", {"now": NOW})]


def test_a_section_that_does_not_concern_a_client_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_sheet, "_sections", Registry())
    main, side = Fragment("main.html", {}), Fragment("side.html", {})
    client_sheet.register_section(ClientSection("none", 1, lambda tenant, now: None))
    client_sheet.register_section(ClientSection("main", 2, lambda tenant, now: main))
    client_sheet.register_section(
        ClientSection("side", 1, lambda tenant, now: side, column=SheetColumn.SIDE)
    )

    found = {
        column: client_sheet.sections(tenant=Tenant(), column=column, now=NOW)
        for column in SheetColumn
    }

    assert found == {SheetColumn.MAIN: [main], SheetColumn.SIDE: [side]}


def test_search_groups_results_by_provider_without_empty_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "_providers", Registry())
    asked: list[tuple[str, int]] = []

    def find(text: str, limit: int) -> list[SearchResult]:
        asked.append((text, limit))
        return [SearchResult("Anne Calque", "/bureau/")]

    search.register_search(SearchProvider("bills", "Factures", 10, lambda text, limit: []))
    search.register_search(SearchProvider("clients", "Clients", 20, find))

    assert [(group.name, len(group.results)) for group in search.search("calque")] == [
        ("clients", 1)
    ]
    assert asked == [("calque", search.RESULTS_SHOWN)]


def test_an_empty_text_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_providers", Registry())
    search.register_search(
        SearchProvider("clients", "Clients", 1, lambda text, limit: [SearchResult("x", "/")])
    )

    assert search.search("") == []


def test_a_search_text_holds_no_nul_and_is_short() -> None:
    assert search.search_text(f" a\x00b{'c' * 100} ") == f"ab{'c' * 78}"
