"""The routes of the four URL configurations, and paths of them that name the objects of one practice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern
from django.utils.regex_helper import normalize

from tests.proofs.dataset import CanaryPractice

_PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


@dataclass(frozen=True)
class Route:
    """A path template, and the name and converter of each of its parameters."""

    template: str
    parameters: tuple[tuple[str, str], ...]
    name: str


def routes(urlconf: str) -> list[Route]:
    """Return the routes of one configuration, each once."""
    found = _walk(get_resolver(urlconf), "/", ())
    return list({route.template: route for route in found}.values())


def all_routes() -> dict[str, list[Route]]:
    """Return the routes by configuration."""
    names = (
        settings.ROOT_URLCONF,
        settings.PUBLIC_SCHEMA_URLCONF,
        settings.CUSTOM_DOMAIN_URLCONF,
        settings.CONNECT_URLCONF,
    )
    return {name: routes(name) for name in names}


def _walk(resolver: Any, prefix: str, parameters: tuple[tuple[str, str], ...]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        template, more = _read(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, prefix + template, (*parameters, *more))
        elif isinstance(entry, URLPattern):
            yield Route(prefix + template, (*parameters, *more), entry.name or "")


def _read(pattern: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    if isinstance(pattern, RoutePattern):
        route = str(vars(pattern)["_route"])
        found = tuple((m["name"], m["kind"] or "str") for m in _PARAMETER.finditer(route))
        return _PARAMETER.sub(lambda m: f"%({m['name']})s", route), found
    assert isinstance(pattern, RegexPattern)
    template, names = normalize(str(vars(pattern)["_regex"]))[0]
    return template, tuple((name, "str") for name in names)


def paths(route: Route, owner: CanaryPractice, *, with_tokens: bool, most: int) -> list[str]:
    """Return paths of a route that name objects of ``owner``; at most ``most``.

    ``with_tokens``: the secrets of its links too, for hosts where they must open nothing.
    """
    if not route.parameters:
        return [route.template]
    fills = [_fills(name, kind, owner, with_tokens=with_tokens) for name, kind in route.parameters]
    count = min(most, max(len(fill) for fill in fills))
    made = []
    for number in range(count):
        values = {
            name: fill[number % len(fill)]
            for (name, _kind), fill in zip(route.parameters, fills, strict=True)
        }
        made.append(route.template % values)
    return list(dict.fromkeys(made))


def _fills(name: str, kind: str, owner: CanaryPractice, *, with_tokens: bool) -> list[str]:
    if kind == "uuid":
        return [str(ref) for ref in owner.refs.values()]
    words = {**_WORDS, "schema": (owner.unit.schema,)}
    if name in words:
        return list(words[name])
    if kind == "int":
        return ["1", "2", "3"]
    if name in {"uidb36", "uid"}:
        return ["1", "2"]
    if name == "key":
        return [owner.tokens.get("reset", "x-y")] if with_tokens else ["x-y", "set-password"]
    links = [value for label, value in owner.tokens.items() if label in _LINKS]
    refs = [ref.hex for ref in owner.refs.values()]
    return [*links, *refs] if with_tokens else refs


_WORDS = {
    "size": ("grande", "petite"),
    "part": ("presentation", "practical"),
    "kind": ("photo", "logo"),
}
"""The values of parameters that name no object."""
_LINKS = (
    "manage",
    "short",
    "invitation",
    "waiting",
    "offer",
    "email_confirm",
    "email_undo",
    "feed",
)
