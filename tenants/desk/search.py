"""The search of the staff pages, made of registered providers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from tenants.desk.registry import Registry

RESULTS_SHOWN = 20
"""Results that one provider may return for one search."""
TEXT_LENGTH = 80


@dataclass(frozen=True)
class SearchResult:
    """A row that matches, with the address of its page."""

    title: str
    url: str
    detail: str = ""


@dataclass(frozen=True)
class SearchProvider:
    """Searches one kind of rows; ``label`` is the heading of its results."""

    name: str
    label: Promise | str
    order: int
    find: Callable[[str, int], Sequence[SearchResult]]
    """Takes the text, never empty, and the greatest number of results; called inside the unit ``public``."""


@dataclass(frozen=True)
class ResultGroup:
    """The results of one provider, at least one."""

    name: str
    label: Promise | str
    results: Sequence[SearchResult]


_providers: Registry[SearchProvider] = Registry()


def register_search(provider: SearchProvider) -> None:
    """Add a provider; raise ValueError when its name is registered already."""
    _providers.register(provider)


def search_text(raw: str) -> str:
    """Return the text of a request's search field: no NUL, which PostgreSQL refuses, and 80 characters at most."""
    return raw.replace("\x00", "").strip()[:TEXT_LENGTH]


def search(text: str) -> list[ResultGroup]:
    """Return the results by provider, in the order of the providers; an empty text matches nothing."""
    if not text:
        return []
    groups = [
        ResultGroup(provider.name, provider.label, provider.find(text, RESULTS_SHOWN))
        for provider in _providers.in_order()
    ]
    return [group for group in groups if group.results]
