"""The acts of the trail in French: a verb that the code writes is never shown as it stands."""

import ast
from pathlib import Path

import pytest

from booking.acts import OTHER, SAID, said_of

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("booking", "tenants/accounts")
STAFF = {"staff.opened", "staff.closed"}
"""Written in ``public`` only: no practice shows them."""


def verbs_written() -> set[str]:
    """Return every literal verb that is given to the trail, directly or by a name in the function."""
    found = set()
    for folder in PLACES:
        for path in (ROOT / folder).rglob("*.py"):
            found |= _verbs_of(ast.parse(path.read_text("utf-8")))
    return found


def _verbs_of(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "verb":
            found |= _texts(node.value)
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "verb" for target in node.targets
        ):
            found |= _texts(node.value)
    return {verb for verb in found if "." in verb}


def _texts(node: ast.expr) -> set[str]:
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def test_every_verb_is_said_in_french() -> None:
    written = verbs_written() - STAFF

    assert len(written) > 20
    assert {verb for verb in written if verb not in SAID and not verb.endswith(".")} == set()


@pytest.mark.parametrize("status", ["fulfilled", "noshow", "unmarked"])
def test_marks_are_said_too(status: str) -> None:
    assert f"appointment.{status}" in SAID


def test_an_unknown_verb_stays_neutral() -> None:
    assert said_of("later.work") == str(OTHER)
