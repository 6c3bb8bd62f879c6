"""Parameters of addresses are read at one place, which bounds them."""

import ast
from pathlib import Path

import pytest
from django.test import RequestFactory

from tenants.query_parameters import MOST_CHARACTERS, MOST_VALUES, parameters_of

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("api", "billing", "booking", "compliance", "config", "tenants")


@pytest.mark.parametrize(
    ("value", "is_read"),
    [
        ("2026-12-01", True),
        ("Émile & fils", True),
        ("", True),
        ("x" * MOST_CHARACTERS, True),
        ("x" * (MOST_CHARACTERS + 1), False),
        ("a\0b", False),
        ("a\x1bb", False),
        ("a\r\nb", False),
        ("a\x85b", False),
    ],
)
def test_a_value_that_no_page_writes_counts_as_empty(value: str, is_read: bool) -> None:
    request = RequestFactory().get("/", {"jour": value, "page": "2"})

    found = parameters_of(request)

    assert found.get("jour") == (value if is_read else "")
    assert found["page"] == "2"


def test_a_name_is_bounded_as_a_value_is() -> None:
    request = RequestFactory().get("/", {"x" * 501: "1", "a\0": "1"})

    assert not parameters_of(request)


def test_what_follows_the_hundredth_value_is_left_out() -> None:
    request = RequestFactory().get("/", {"a": ["1"] * MOST_VALUES, "b": "1"})

    found = parameters_of(request)

    assert len(found.getlist("a")) == MOST_VALUES
    assert "b" not in found


def test_where_long_values_are_usual_the_page_says_so() -> None:
    request = RequestFactory().get("/", {"code": "x" * 1_000})

    assert parameters_of(request, most_characters=1_000)["code"] == "x" * 1_000


def test_no_other_module_reads_the_parameters_of_an_address() -> None:
    reading = {
        str(path.relative_to(ROOT))
        for package in PRODUCT
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in {"GET", "QUERY_STRING"})
        or (isinstance(node, ast.Constant) and node.value == "QUERY_STRING")
    }

    assert reading == {"tenants/query_parameters.py"}
