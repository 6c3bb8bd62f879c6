"""Partial responses: the `fields` parameter, `a,b(c,d),e/f,*`."""

import re
from typing import Any

from tests.fakes.google.errors import Refused

Tree = dict[str, "Tree"]
"""Which keys are kept, and of each which keys; an empty tree keeps all below."""

_TOKEN = re.compile(r"[\w@.:#-]+|[*(),/]")


def parse(text: str) -> Tree:
    """Read a selector; 400 where it is not one."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != "".join(text.split()):
        raise _invalid(text)
    try:
        tree, rest = _list(tokens)
    except IndexError:
        raise _invalid(text) from None
    if rest:
        raise _invalid(text)
    return tree


def _invalid(text: str) -> Refused:
    return Refused(400, "invalidParameter", f"Invalid field selection {text}", location="fields")


def _list(tokens: list[str]) -> tuple[Tree, list[str]]:
    tree: Tree = {}
    while True:
        tokens = _item(tokens, tree)
        if not tokens or tokens[0] != ",":
            return tree, tokens
        tokens = tokens[1:]


def _item(tokens: list[str], tree: Tree) -> list[str]:
    name, rest = tokens[0], tokens[1:]
    if name in "(),/":
        raise _invalid(name)
    below = tree.setdefault(name, {})
    if rest and rest[0] == "/":
        return _item(rest[1:], below)
    if rest and rest[0] == "(":
        inner, rest = _list(rest[1:])
        if rest[0] != ")":
            raise _invalid(name)
        below.update(inner)
        return rest[1:]
    return rest


def select(value: Any, tree: Tree) -> Any:
    """What of `value` the selector keeps; lists are walked through."""
    if not tree:
        return value
    if isinstance(value, list):
        return [select(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    every = tree.get("*")
    return {
        key: select(item, tree.get(key, every or {}))
        for key, item in value.items()
        if key in tree or every is not None
    }
