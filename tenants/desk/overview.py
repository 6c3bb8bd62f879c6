"""The overview of the staff pages (A1), made of registered groups of tiles and registered lists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tenants.desk.fragments import Fragment
from tenants.desk.registry import Registry


@dataclass(frozen=True)
class Tile:
    """A number with its rating; ``url`` is the page of the counted rows."""

    label: str
    number: str
    is_good: bool
    detail: str
    url: str


@dataclass(frozen=True)
class TileGroup:
    """Tiles read together, so that the number of queries does not depend on the number of clients."""

    name: str
    order: int
    read: Callable[[datetime], Sequence[Tile]]
    """Takes the current instant; called inside the unit ``public``."""


@dataclass(frozen=True)
class OverviewList:
    """A list below the tiles; its fragment is a whole ``<section>`` with its heading."""

    name: str
    order: int
    read: Callable[[datetime], Fragment]
    """Takes the current instant; called inside the unit ``public``."""


_tile_groups: Registry[TileGroup] = Registry()
_lists: Registry[OverviewList] = Registry()


def register_tiles(group: TileGroup) -> None:
    """Add a group of tiles; raise ValueError when its name is registered already."""
    _tile_groups.register(group)


def register_list(overview_list: OverviewList) -> None:
    """Add a list; raise ValueError when its name is registered already."""
    _lists.register(overview_list)


def tiles(*, now: datetime) -> list[Tile]:
    """Return the tiles of all groups in their order."""
    return [tile for group in _tile_groups.in_order() for tile in group.read(now)]


def lists(*, now: datetime) -> list[Fragment]:
    """Return the lists in their order."""
    return [overview_list.read(now) for overview_list in _lists.in_order()]
