"""Each proof fails, by its own count, when one of its guards is removed."""

import pytest
from django.core.checks.registry import registry

from tests.proofs.__main__ import FAILED, load, names
from tests.proofs.counter import Outcome
from tests.proofs.short_runs import prove

NAMED = [(name, guard) for name in names() for guard in sorted(load(name).GUARDS)]
PAIRS = [
    pytest.param(name, guard, marks=pytest.mark.guards(name), id=f"{name}-{guard}")
    for name, guard in NAMED
]


@pytest.mark.parametrize(("name", "guard"), NAMED)
def test_what_the_removal_replaces_is_there(name: str, guard: str) -> None:
    checks = set(registry.registered_checks)

    load(name).GUARDS[guard].check()

    assert checks == registry.registered_checks  # nothing is removed from this process


@pytest.mark.parametrize(("name", "guard"), PAIRS)
@pytest.mark.usefixtures("kept_database")
def test_a_proof_fails_without_one_of_its_guards(name: str, guard: str) -> None:
    code, line, errors = prove(name, "--short", "--sabotage", guard)

    # An unknown name and a broken run show nothing about the guard.
    assert code == FAILED, (line, errors)
    assert line["outcome"] == Outcome.FAILED
    assert line["failed"] > line["failed_controls"] + line["server_errors"]
