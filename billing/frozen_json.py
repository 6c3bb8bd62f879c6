"""Frozen dataclasses as values of JSON and back, exactly: what a ledger stores and hashes. Pure.

Amounts are texts, days and instants ISO 8601, tuples lists. Fields are texts, booleans, whole numbers, amounts,
days, instants, tuples and other dataclasses, each possibly None.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

_READERS: dict[type, tuple[type, Callable[[Any], Any]]] = {
    bool: (bool, bool),
    int: (int, int),
    str: (str, str),
    Decimal: (str, Decimal),
    dt.date: (str, dt.date.fromisoformat),
    dt.datetime: (str, dt.datetime.fromisoformat),
}
"""For each type of a field: its type in JSON, and how it is read."""


class UnreadableSnapshot(ValueError):
    """A stored value has a field, a type or a version that this program does not know."""


def write_frozen(value: object) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [write_frozen(item) for item in value]
    if is_dataclass(value):
        return {field.name: write_frozen(getattr(value, field.name)) for field in fields(value)}
    return value


def read_frozen(kind: Any, stored: Any) -> Any:
    """Return the instance of a dataclass that ``write_frozen`` wrote; a missing field has its default value.

    Raises UnreadableSnapshot for anything else.
    """
    try:
        return _read_fields(kind, stored)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise UnreadableSnapshot(str(error)) from error


@cache
def _types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _read_fields(kind: Any, stored: Any) -> Any:
    types = _types(kind)
    if not isinstance(stored, Mapping) or not stored.keys() <= types.keys():
        raise UnreadableSnapshot(f"fields of {kind.__name__}")
    return kind(**{name: _read(types[name], value) for name, value in stored.items()})


def _read(kind: Any, value: Any) -> Any:
    if get_origin(kind) is UnionType:
        if value is None:
            return None
        [kind] = [option for option in get_args(kind) if option is not NoneType]
    if get_origin(kind) is tuple:
        return _read_tuple(get_args(kind), value)
    if is_dataclass(kind):
        return _read_fields(kind, value)
    stored_kind, read = _READERS[kind]
    if type(value) is not stored_kind:
        raise UnreadableSnapshot(f"{value!r} is no {kind.__name__}")
    return read(value)


def _read_tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise UnreadableSnapshot(f"{value!r} is no list")
    if kinds[1:] == (...,):
        kinds = (kinds[0],) * len(value)
    return tuple(_read(kind, item) for kind, item in zip(kinds, value, strict=True))
