"""Every proof holds in its short form, and removing any one of its guards makes it fail.

Each runs as `make prove` runs it, in a process of its own, on the services and the nursery of this run.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import drop_database
from tests.proofs import nursery
from tests.proofs.__main__ import FAILED, HELD, UNKNOWN, load, names
from tests.proofs.stage import STAGE_DATABASE

PROMISED = {
    "database",
    "google",
    "isolation",
    "oauth",
    "race",
    "reminders",
    "sentinel",
    "time",
    "waiting",
}
PROOFS = [pytest.param(name, marks=pytest.mark.proof(name)) for name in names()]
PAIRS = [
    pytest.param(name, guard, marks=pytest.mark.proof(name), id=f"{name}-{guard}")
    for name in names()
    for guard in sorted(load(name).GUARDS)
]


@pytest.fixture(scope="module")
def stage_is_kept(nursed: None) -> Iterator[None]:
    """Let all these runs share one empty stage, which takes seconds to make."""
    os.environ["PROOF_STAGE_KEEP"] = "1"
    yield
    del os.environ["PROOF_STAGE_KEEP"]
    drop_database(os.environ["OWNER_DATABASE_URL"], STAGE_DATABASE)


def prove(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the line, and what else was said."""
    done = nursery.run("tests.proofs", *arguments, environment=os.environ)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr[-3000:]


def test_every_promised_proof_is_there() -> None:
    assert set(names()) == PROMISED


@pytest.mark.parametrize("name", PROOFS)
@pytest.mark.usefixtures("stage_is_kept")
def test_a_proof_holds(name: str) -> None:
    code, line, said = prove(name, "--short")

    assert code == HELD, (line, said)
    assert line["attempted"] >= line["distinct"] > 0
    assert line["failed"] == 0


@pytest.mark.parametrize(("name", "guard"), PAIRS)
@pytest.mark.usefixtures("stage_is_kept")
def test_a_proof_fails_without_one_of_its_guards(name: str, guard: str) -> None:
    code, line, said = prove(name, "--short", "--sabotage", guard)

    # Neither an unknown name nor a proof that broke would show anything.
    assert code == FAILED, (line, said)
    assert line["failed"] > 0


@pytest.mark.usefixtures("stage_is_kept")
def test_a_guard_that_does_not_exist_is_no_failure_of_the_proof() -> None:
    code, line, said = prove(names()[0], "--short", "--sabotage", "nothing")

    assert code == UNKNOWN
    assert line == {}
    assert "has the guards" in said
