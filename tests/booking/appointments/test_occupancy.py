"""Every service that can make a row occupy time is registered, and the race proof runs it."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from booking.appointments.occupancy import FREEING, OCCUPYING, SHOWING
from tests.proofs import race

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("booking", "compliance", "config", "tenants", "api", "billing")
DECIDES = {"status", "during", "starts_at", "ends_at", "practitioner"}
"""The columns that decide whether and when a row occupies time."""


def writers(tree: ast.AST) -> Iterator[str]:
    """Yield the functions that make an Appointment or write one of the deciding columns."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and any(map(writes, ast.walk(function))):
            yield function.name


def writes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    named = bool(DECIDES & {keyword.arg for keyword in node.keywords if keyword.arg})
    if name.startswith("Appointment.objects.bulk"):
        return True
    if name == "Appointment" or ("Appointment" in name and name.endswith((".create", ".update"))):
        return named
    fields = next((k.value for k in node.keywords if k.arg == "update_fields"), None)
    is_ours = name in {"appointment.save", "held.save", "fresh.save"}
    if not is_ours or not isinstance(fields, ast.List | ast.Tuple):
        return is_ours and fields is None
    return bool(DECIDES & {ast.literal_eval(item) for item in fields.elts})


def callers(trees: Mapping[Path, ast.AST], names: set[str]) -> set[str]:
    """Return the public functions that reach one of ``names`` through private ones of their module."""
    found: set[str] = set()
    for tree in trees.values():
        calls = {
            function.name: {
                ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)
            }
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
        }
        reached, new = set(names), set(names)
        while new:
            more = {name for name, called in calls.items() if called & new} - reached
            found |= {name for name in more if not name.startswith("_")}
            # Callers of a public function are not followed: that function must be registered itself.
            new = {name for name in more if name.startswith("_")}
            reached |= more
    return found


def test_every_service_that_can_occupy_time_is_registered() -> None:
    trees = {
        path: ast.parse(path.read_text("utf-8"))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts
    }
    direct = {name for tree in trees.values() for name in writers(tree)}
    private = {name for name in direct if name.startswith("_")} | {"insert_occupying"}
    public = direct - private

    registered = {*OCCUPYING, *FREEING, *SHOWING}
    assert (callers(trees, private) | public) - registered == set()
    assert direct  # the search finds something


def test_the_race_proof_covers_every_registered_service() -> None:
    assert set(race.RACED) == set(OCCUPYING)
