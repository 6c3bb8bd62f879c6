"""Payloads: stored as JSON and read again; what could name a person is refused when a kind is declared."""

import copy
import pickle
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps

from tenants.outbox.delivery import registered_kinds
from tenants.outbox.kinds import NO_MESSAGE, PLATFORM, OutboxKind
from tenants.outbox.payloads import (
    FIELD_TYPES,
    NO_PAYLOAD,
    NoPayload,
    PayloadError,
    decode,
    encode,
    field_types,
    values_of,
)
from tenants.outbox.services import subject_by_key


class Purpose(StrEnum):
    """A code."""

    OPENING = "opening"


@dataclass(frozen=True)
class Everything:
    """One field of each type."""

    number: int
    is_new: bool
    on: date
    at: datetime
    ref: UUID
    purpose: Purpose
    until: datetime | None = None


FULL = Everything(
    7, True, date(2026, 11, 10), datetime(2026, 11, 10, 9, 40, tzinfo=UTC), UUID(int=1),
    Purpose.OPENING,
)  # fmt: skip
STORED = {
    "number": 7, "is_new": True, "on": "2026-11-10", "at": "2026-11-10T09:40:00+00:00",
    "ref": UUID(int=1).hex, "purpose": "opening", "until": None,
}  # fmt: skip


def test_a_payload_is_stored_as_plain_json() -> None:
    assert encode(FULL) == STORED
    assert {type(value) for value in STORED.values()} == {int, bool, str, type(None)}


def test_what_was_stored_is_read_again() -> None:
    assert decode(Everything, STORED) == FULL
    assert decode(NoPayload, {}) == NO_PAYLOAD


def test_the_values_are_in_the_order_of_the_fields() -> None:
    assert values_of(FULL)[:3] == ["7", "True", "2026-11-10"]


@pytest.mark.parametrize(
    "change",
    [
        {"number": "7"},
        {"number": True},
        {"number": None},
        {"is_new": 1},
        {"on": "demain"},
        {"at": 7},
        {"ref": "x"},
        {"purpose": "Camille"},
        {"name": "Camille"},
    ],
    ids=str,
)
def test_json_that_is_not_the_payload_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        decode(Everything, STORED | change)


def test_json_without_a_field_is_refused() -> None:
    with pytest.raises(PayloadError):
        decode(Everything, {name: value for name, value in STORED.items() if name != "until"})


@dataclass(frozen=True)
class WithText:
    name: str


@dataclass(frozen=True)
class WithOptionalText:
    name: str | None = None


@dataclass(frozen=True)
class WithList:
    names: list[int] = field(default_factory=list)


@dataclass
class Mutable:
    number: int


class Plain:
    pass


@pytest.mark.parametrize("payload_type", [WithText, WithOptionalText, WithList, Mutable, Plain])
def test_a_class_that_could_carry_a_person_is_refused(payload_type: type) -> None:
    with pytest.raises(TypeError):
        OutboxKind("test.kind", "thing", payload_type, NO_MESSAGE)


@pytest.mark.parametrize("name", ["", "x" * 41])
def test_a_name_that_its_column_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^x*$"):
        OutboxKind(name, "thing", NoPayload, NO_MESSAGE)


def test_a_kind_is_its_name_and_survives_copies() -> None:
    kind = OutboxKind("test.kind", "thing", NoPayload, NO_MESSAGE)

    assert kind == "test.kind"
    assert copy.deepcopy(kind) is copy.copy(kind) is kind
    again = pickle.loads(pickle.dumps(kind))
    assert (again, again.subject_type, again.payload_type) == (kind, "thing", NoPayload)
    assert again.bound == NO_MESSAGE


# --- The kinds of the product ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", registered_kinds(), ids=str)
def test_no_payload_of_the_product_can_hold_a_text(kind: OutboxKind[Any]) -> None:
    for declared in field_types(kind.payload_type).values():
        assert declared in FIELD_TYPES or issubclass(declared, Enum)


@pytest.mark.parametrize("kind", registered_kinds(), ids=str)
def test_the_subject_of_a_kind_is_a_model(kind: OutboxKind[Any]) -> None:
    names = {subject_by_key(model, 0).type for model in apps.get_models()}

    assert kind.subject_type in names | {PLATFORM}


def test_the_kinds_of_the_product_are_registered() -> None:
    assert len(registered_kinds()) >= 30
