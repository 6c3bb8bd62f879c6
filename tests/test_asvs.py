"""docs/asvs.csv: every requirement of levels 1 and 2 of ASVS 5.0.0 has a valid line."""

import csv
import re
from collections import Counter
from functools import cache

from config.devtools.processes import ROOT

STATES = {"tested", "by design", "not applicable", "not yet"}
LINES = list(csv.DictReader((ROOT / "docs" / "asvs.csv").read_text("utf-8").splitlines()))


@cache
def names_in(path: str) -> frozenset[str]:
    """Return the names of the test functions of a file; none for a missing file."""
    file = ROOT / path
    text = file.read_text("utf-8") if file.is_file() else ""
    return frozenset(re.findall(r"^def (test_\w+)", text, re.MULTILINE))


def test_the_list_is_complete() -> None:
    assert Counter(line["level"] for line in LINES) == {"1": 70, "2": 183}
    assert len({line["requirement"] for line in LINES}) == len(LINES)
    assert {line["status"] for line in LINES} <= STATES


def test_a_tested_line_names_a_test_that_exists() -> None:
    tested = [line["evidence"].split("::") for line in LINES if line["status"] == "tested"]

    assert tested
    assert [f"{p}::{name}" for p, name in tested if name not in names_in(p)] == []


def test_any_other_status_has_a_reason_and_no_test() -> None:
    others = [line for line in LINES if line["status"] != "tested"]

    assert [line["requirement"] for line in others if not line["evidence"]] == []
    assert [line["requirement"] for line in others if "::" in line["evidence"]] == []


def test_a_page_or_module_that_a_reason_names_exists() -> None:
    named = {
        path
        for line in LINES
        if line["status"] != "tested"
        for path in re.findall(r"\b(?:docs|tenants|booking)/[\w./-]+\.\w+", line["evidence"])
    }

    assert len(named) > 4
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []
