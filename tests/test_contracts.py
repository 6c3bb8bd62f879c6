"""The import contracts of pyproject.toml name modules that exist, and none of them is optional."""

import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
CONTRACTS: list[dict[str, Any]] = LINTER["contracts"]
LIBRARIES = {
    "django",
    "facturx",
    "googleapiclient",
    "lxml",
    "pypdf",
    "requests",
    "rest_framework",
    "schwifty",
    "sepaxml",
    "typst",
}


def layers() -> Iterator[tuple[str, str]]:
    """Yield the container ("" for none) and the text of each layer."""
    for contract in CONTRACTS:
        for container in contract.get("containers", [""]):
            for layer in contract.get("layers", ()):
                yield container, layer


def named_modules() -> Iterator[str]:
    """Yield each module that a contract names."""
    for container, layer in layers():
        for name in layer.split("|"):
            yield f"{container}.{name.strip()}".lstrip(".")
    for contract in CONTRACTS:
        yield from contract.get("source_modules", ())
        yield from contract.get("forbidden_modules", ())
        for ignored in contract.get("ignore_imports", ()):
            yield from ignored.split(" -> ")


@pytest.mark.parametrize("name", sorted(set(named_modules()) - LIBRARIES))
def test_each_named_module_exists(name: str) -> None:
    assert (ROOT / name.replace(".", "/")).is_dir() or (
        ROOT / f"{name.replace('.', '/')}.py"
    ).is_file()


@pytest.mark.parametrize("name", sorted(set(named_modules()) & LIBRARIES - {"rest_framework"}))
def test_each_named_library_is_installed(name: str) -> None:
    assert find_spec(name) is not None


def test_no_layer_is_optional() -> None:
    assert [layer for _container, layer in layers() if "(" in layer] == []


def test_the_packages_of_booking_are_all_ordered() -> None:
    [contract] = [found for found in CONTRACTS if found.get("containers") == ["booking"]]

    assert contract["exhaustive"] is True
    assert set(contract["exhaustive_ignores"]) == {"apps", "migrations"}
