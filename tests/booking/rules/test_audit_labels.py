"""Every verb of the audit trail that the code records has a French label."""

import ast
from pathlib import Path

import pytest

from booking.rules.audit_labels import (
    LABELS,
    OTHER,
    label_of,
)

ROOT = Path(__file__).resolve().parents[3]
PLACES = ("booking", "tenants/accounts")
STAFF = {"staff.opened", "staff.closed"}
"""Verbs recorded in the schema ``public`` only, which no practice shows."""


def verbs_written() -> set[str]:
    """Return the literal verbs passed to ``audit.record``, directly or by a variable of the function."""
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
        child.value
        for child in ast.walk(node)
        if isinstance(child, ast.Constant) and isinstance(child.value, str)
    }


def test_every_verb_has_a_french_label() -> None:
    written = verbs_written() - STAFF

    assert len(written) > 20
    assert {verb for verb in written if verb not in LABELS and not verb.endswith(".")} == set()


@pytest.mark.parametrize("status", ["fulfilled", "noshow", "unmarked"])
def test_the_verbs_of_marks_have_labels(status: str) -> None:
    assert f"appointment.{status}" in LABELS


def test_an_unknown_verb_gets_a_neutral_label() -> None:
    assert label_of("later.work") == str(OTHER)
