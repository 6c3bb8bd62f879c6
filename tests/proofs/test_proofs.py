"""Each proof holds in its short form."""

import pytest

from tests.proofs.__main__ import PASSED, UNKNOWN, names
from tests.proofs.short_runs import prove

PROMISED = {
    "chain",
    "database",
    "garbage",
    "google",
    "invoices",
    "isolation",
    "mailflood",
    "oauth",
    "race",
    "reminders",
    "sentinel",
    "stall",
    "time",
    "waiting",
}
PROOFS = [pytest.param(name, marks=pytest.mark.proof(name)) for name in names()]


def test_every_promised_proof_is_there() -> None:
    assert set(names()) == PROMISED


@pytest.mark.parametrize("name", PROOFS)
@pytest.mark.usefixtures("kept_database")
def test_a_proof_holds(name: str) -> None:
    code, line, errors = prove(name, "--short")

    assert code == PASSED, (line, errors)
    assert line["attempted"] >= line["distinct"] > 0
    assert line["failed"] == 0


@pytest.mark.usefixtures("services")
def test_an_unknown_guard_is_no_failure_of_the_proof() -> None:
    code, line, errors = prove(names()[0], "--short", "--sabotage", "nothing")

    assert code == UNKNOWN
    assert line == {}
    assert "has the guards" in errors
