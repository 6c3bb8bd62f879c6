"""The navigation of the staff pages, made of registered entries."""

from dataclasses import dataclass

from django.utils.functional import Promise

from tenants.desk.registry import Registry


@dataclass(frozen=True)
class NavigationEntry:
    """A link of the navigation. A page names its entry as its ``tab``; ``url_name`` takes no argument."""

    name: str
    label: Promise | str
    url_name: str
    order: int


_entries: Registry[NavigationEntry] = Registry()


def register_navigation(entry: NavigationEntry) -> None:
    """Add a link; raise ValueError when its name is registered already."""
    _entries.register(entry)


def navigation() -> list[NavigationEntry]:
    """Return the links in their order."""
    return _entries.in_order()
