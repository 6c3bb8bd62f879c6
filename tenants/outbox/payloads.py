"""Payloads of outbox entries: frozen dataclasses of numbers, instants and codes, stored as JSON.

A payload carries no personal data. Its fields are therefore of the types in ``FIELD_TYPES``, an Enum, or one of
these or None. A plain ``str`` is refused when the kind is declared: a free text could name a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

P = TypeVar("P")

FIELD_TYPES = (bool, int, date, datetime, UUID)


class PayloadError(ValueError):
    """A payload or its JSON does not match the declaration of its kind."""


@dataclass(frozen=True)
class NoPayload:
    """The payload of a kind that needs its subject only."""


NO_PAYLOAD = NoPayload()


_known_types: dict[Any, Mapping[str, Any]] = {}


def field_types(payload_type: Any) -> Mapping[str, Any]:
    """Return the type of each field. Raises TypeError for a class that cannot be a payload."""
    if payload_type not in _known_types:
        _known_types[payload_type] = _checked_types(payload_type)
    return _known_types[payload_type]


def _checked_types(payload_type: Any) -> Mapping[str, Any]:
    parameters = getattr(payload_type, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        raise TypeError(f"{payload_type.__name__} is not a frozen dataclass")
    hints = get_type_hints(payload_type)
    types = {field.name: hints[field.name] for field in fields(payload_type)}
    for name, declared in types.items():
        if not all(_is_allowed(part) for part in _parts(declared)):
            raise TypeError(f"{payload_type.__name__}.{name}: {declared} may hold personal data")
    return types


def encode(payload: object) -> dict[str, Any]:
    """Return the JSON object of a payload: instants in ISO 8601, an Enum by its value."""
    return {name: _to_json(getattr(payload, name)) for name in field_types(type(payload))}


def decode(payload_type: type[P], stored: Mapping[str, Any]) -> P:
    """Return the payload of its JSON object. Raises PayloadError when a field is missing, unknown or wrong."""
    types = field_types(payload_type)
    if set(stored) != set(types):
        raise PayloadError(f"{payload_type.__name__}: {sorted(stored)}")
    try:
        values = {name: _from_json(declared, stored[name]) for name, declared in types.items()}
    except (TypeError, ValueError):
        raise PayloadError(payload_type.__name__) from None
    return payload_type(**values)


def values_of(payload: object) -> list[str]:
    """Return the stored values as text, in the order of the fields."""
    return [str(value) for value in encode(payload).values()]


def _parts(declared: Any) -> tuple[Any, ...]:
    return get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)


def _is_allowed(part: Any) -> bool:
    is_enum = isinstance(part, type) and issubclass(part, Enum)
    return is_enum or part in FIELD_TYPES or part is NoneType


def _to_json(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case date():
            return value.isoformat()
        case UUID():
            return value.hex
        case _:
            return value


def _from_json(declared: Any, value: Any) -> Any:
    if value is None and NoneType in _parts(declared):
        return None
    (expected,) = (part for part in _parts(declared) if part is not NoneType)
    if expected in (date, datetime):
        return expected.fromisoformat(value)
    if expected is UUID or issubclass(expected, Enum):
        return expected(value)
    if type(value) is not expected:
        raise TypeError(value)
    return value
