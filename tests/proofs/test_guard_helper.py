"""A guard is removed only when the product still has what the removal replaces, with the same signature."""

import sys
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

import pytest

from tests.proofs.guards import (
    Guard,
    GuardRemovalError,
    find_guard,
    remove_requested_guard,
    replace,
    replace_text,
    wrap,
)


class Clock:
    """A class of the product."""

    limit = 3

    def at(self, hour: int, *, minute: int = 0) -> str:
        return f"{hour}:{minute:02}"

    @property
    def name(self) -> str:
        return "clock"


@lru_cache
def half(number: int) -> int:
    return number // 2


@pytest.fixture
def modules() -> Iterator[tuple[Any, Any]]:
    """A module of the product, and another one that has imported its function."""
    owner, importer = ModuleType("booking.fictive_owner"), ModuleType("booking.fictive_importer")
    vars(owner).update(half=half, label="a label", LIMIT=3)
    vars(importer)["twice"] = half
    sys.modules |= {module.__name__: module for module in (owner, importer)}
    yield owner, importer
    for module in (owner, importer):
        del sys.modules[module.__name__]


@pytest.fixture
def clock() -> type[Any]:
    """A class whose changes do not outlive the test."""
    return type("Clock", (), dict(vars(Clock)))


def test_a_function_is_replaced_wherever_it_was_imported(modules: tuple[Any, Any]) -> None:
    owner, importer = modules

    replace(owner, "half", lambda number: 0)

    assert owner.half(4) == importer.twice(4) == 0


def test_a_constant_is_replaced(modules: tuple[Any, Any]) -> None:
    owner, _importer = modules

    replace(owner, "LIMIT", 5)

    assert owner.LIMIT == 5


def test_a_method_and_a_property_are_replaced(clock: type[Any]) -> None:
    replace(clock, "at", lambda self, hour, *, minute=0: "never")
    replace(clock, "name", property(lambda self: "another"))

    assert clock().at(3) == "never"
    assert clock().name == "another"


def test_a_missing_name_is_refused(modules: tuple[Any, Any]) -> None:
    with pytest.raises(GuardRemovalError, match=r"booking\.fictive_owner\.third does not exist"):
        replace(modules[0], "third", lambda number: 0)


@pytest.mark.parametrize(
    "value",
    [
        lambda self, hour: "",
        lambda self, hour, minute=0: "",
        lambda self, hour, *, minute=1: "",
        lambda self, when, *, minute=0: "",
        lambda self, hour, *, minute=0, second=0: "",
        lambda *values, **names: "",
        "no function",
    ],
)
def test_another_signature_is_refused(clock: type[Any], value: Any) -> None:
    with pytest.raises(GuardRemovalError, match=r"Clock\.at has the signature"):
        replace(clock, "at", value)

    assert clock().at(3) == "3:00"


def test_a_function_in_place_of_a_constant_is_refused(modules: tuple[Any, Any]) -> None:
    with pytest.raises(GuardRemovalError, match="LIMIT has the signature None"):
        replace(modules[0], "LIMIT", lambda: 3)


def test_annotations_are_no_part_of_the_signature(clock: type[Any]) -> None:
    def at(self: object, hour: float, *, minute: float = 0) -> None:
        return None

    replace(clock, "at", at)

    assert clock().at(3) is None


def test_a_wrapper_sees_the_arguments_and_changes_them(clock: type[Any]) -> None:
    seen: list[dict[str, Any]] = []

    def at(call: Any, arguments: Any) -> str:
        seen.append(dict(arguments))
        return f"{call()} and {call(minute=30)}"

    wrap(clock, "at", at, uses=["hour"])
    instance = clock()

    assert instance.at(3) == "3:00 and 3:30"
    assert seen == [{"self": instance, "hour": 3}]


def test_a_wrapper_that_uses_an_unknown_parameter_is_refused(clock: type[Any]) -> None:
    with pytest.raises(GuardRemovalError, match="has no parameter second"):
        wrap(clock, "at", lambda call, arguments: call(), uses=["hour", "second"])


def test_a_part_of_a_text_is_replaced_or_refused(modules: tuple[Any, Any]) -> None:
    owner, _importer = modules

    replace_text(owner, "label", "a ", "another ")

    assert owner.label == "another label"
    with pytest.raises(GuardRemovalError, match="does not contain 'an old'"):
        replace_text(owner, "label", "an old", "a new")


def test_the_check_of_a_guard_replaces_nothing(clock: type[Any]) -> None:
    Guard("a promise", process=lambda: replace(clock, "limit", 4)).check()

    assert clock.limit == 3


def test_the_check_of_a_guard_refuses_what_the_removal_would(clock: type[Any]) -> None:
    with pytest.raises(GuardRemovalError):
        Guard("a promise", process=lambda: replace(clock, "limits", 4)).check()


def test_after_a_check_guards_are_removed(clock: type[Any]) -> None:
    guard = Guard("a promise", process=lambda: replace(clock, "limit", 4))
    guard.check()

    guard.remove_from_process()

    assert clock.limit == 4


def test_the_requested_guard_is_removed(clock: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard("a promise", process=lambda: replace(clock, "limit", 4))
    proof: Any = ModuleType("tests.proofs.fictive")
    proof.GUARDS = {"limit": guard}
    monkeypatch.setitem(sys.modules, proof.__name__, proof)
    remove_requested_guard()
    assert clock.limit == 3

    monkeypatch.setenv("PROOF", "fictive")
    monkeypatch.setenv("SABOTAGE", "limit")
    remove_requested_guard()

    assert find_guard("fictive", "limit") is guard
    assert clock.limit == 4
