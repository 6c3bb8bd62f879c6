"""The pure parts of the figures, on trees of a few lines."""

import ast
from pathlib import Path

import pytest

from tests.house_figures import (
    DEFINED,
    FEATURES,
    REQUIREMENT,
    Homonym,
    Name,
    Retired,
    Source,
    Tree,
    Vocabulary,
    booking_figures,
    feature_folders,
    figures,
    form_to_google,
    function_lengths,
    import_graph,
    names_in_python,
    names_in_template,
    noqa_density,
    percentile,
    shared_class_names,
    shortest_path,
    snake,
)

# Invented words, so that renaming across the project does not change this table.
VOCABULARY = Vocabulary(
    [
        Retired("bell far_off", "notify"),
        Retired("yearn", "schedule", how="whole", kinds="function"),
        Retired("Faded", "revoked", how="class"),
        Retired("grip", "lease", only_in="google", in_sentences=False),
    ],
    [Homonym("bell", "the plant", r"blue_bell"), Homonym("bell", "of a bike", path="bike")],
)


def source(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("FarOff", "far_off"), ("_far_off", "far_off"), ("HTTPServer2", "http_server_2"), ("x", "x")],
)
def test_names_are_compared_by_their_parts(name: str, expected: str) -> None:
    assert snake(name) == expected


@pytest.mark.parametrize(
    ("kind", "text", "path", "words"),
    [
        ("class", "BellPush", "a.py", ["bell"]),
        ("method", "_far_off_it", "a.py", ["far_off"]),
        ("variable", "label", "a.py", []),
        ("variable", "blue_bell", "a.py", []),
        ("variable", "bell", "bike.py", []),
        ("function", "_yearn", "a.py", ["yearn"]),
        ("variable", "yearn", "a.py", []),
        ("function", "yearn_more", "a.py", []),
        ("class", "_Faded", "a.py", ["Faded"]),
        ("variable", "faded", "a.py", []),
        ("variable", "grip", "a.py", []),
        ("variable", "grip", "google/a.py", ["grip"]),
        ("test", "test_a_grip_expires", "google/a.py", []),
        ("test", "test_the_bell", "a.py", ["bell"]),
    ],
)
def test_a_retired_word_is_found_where_its_rule_says(
    kind: str, text: str, path: str, words: list[str]
) -> None:
    assert VOCABULARY.words_in(Name(kind, text, path)) == words


def test_python_binds_names_of_each_kind() -> None:
    code = """
import os as system
class Visit:
    size = 1
    def move(self, day):
        self.day = day
def test_it(): pass
for item in ():
    copy = [part for part in item]
"""

    found = {(name.kind, name.text) for name in names_in_python(ast.parse(code), "a.py")}

    assert found == {
        ("variable", "system"),
        ("class", "Visit"),
        ("variable", "size"),
        ("method", "move"),
        ("parameter", "self"),
        ("parameter", "day"),
        ("variable", "day"),
        ("test", "test_it"),
        ("variable", "item"),
        ("variable", "copy"),
        ("variable", "part"),
    }


def test_a_template_mentions_variables_and_fields_but_no_strings() -> None:
    text = '{# lost #}\n{% include "lost.html" with day=visit.day %}\n<input name="reason">{{ size|add:1 }}'

    found = [(name.kind, name.text, name.line) for name in names_in_template(text, "a.html")]

    assert found == [
        ("template variable", "with", 2),
        ("template variable", "day", 2),
        ("template variable", "visit", 2),
        ("template variable", "day", 2),
        ("template variable", "size", 3),
        ("template variable", "add", 3),
        ("field name", "reason", 3),
    ]


def test_only_folders_of_the_product_belong_to_a_feature() -> None:
    paths = [
        "booking/models/waiting.py",
        "booking/models/offer.py",
        "booking/waiting_list/rules.py",
        "booking/views/week.py",
        "tests/booking/test_waiting.py",
        "templates/waiting.html",
    ]

    assert feature_folders(paths, FEATURES["waiting_list"]) == {
        "booking/models",
        "booking/waiting_list",
    }


def test_modules_and_packages_of_booking_are_counted() -> None:
    paths = ["booking/__init__.py", "booking/sms.py", "booking/rules/acts.py", "config/wsgi.py"]

    assert booking_figures(paths) == {
        "booking_loose_modules": 1,
        "booking_files": 2,
        "booking_packages": 1,
    }


def test_a_class_name_is_shared_unless_private_or_django_s() -> None:
    code = "class Line:\n    class Meta: pass\nclass _Row: pass\nclass Command: pass\n"

    shared = shared_class_names([source("a.py", code), source("b.py", code)])

    assert shared == {"Line": ["a.py", "b.py"]}


def test_imports_of_modules_make_a_graph() -> None:
    graph = import_graph(
        [
            source("a/__init__.py", ""),
            source("a/one.py", "import os\nfrom a import two\nfrom a.three import thing\n"),
            source("a/two.py", "import a.three\n"),
            source("a/three.py", ""),
        ]
    )

    assert graph["a.one"] == {"a.two", "a.three"}
    assert graph["a.two"] == {"a.three"}
    assert shortest_path(graph, ["a.one"], "a.three") == ["a.one", "a.three"]
    assert shortest_path(graph, ["a.three"], "a.one") == []


def test_the_way_from_form_to_google_is_both_sides_of_the_queue(tmp_path: Path) -> None:
    files = {
        "booking/web/public/booking.py": "from booking import book, actors\nfrom booking.models import x",
        "booking/book.py": "from booking import calendar\nfrom tenants import outbox",
        "booking/calendar.py": "",
        "booking/actors.py": "from booking.google import handlers",
        "booking/models.py": "x = 1",
        "tenants/outbox.py": "",
        "booking/apps.py": "from booking.google import handlers",
        "booking/google/handlers.py": "from booking.google import push, pull",
        "booking/google/push.py": "from booking.google import client",
        "booking/google/pull.py": "",
        "booking/google/client.py": "from googleapiclient.discovery import build",
        "booking/migrations/0001_initial.py": "broken (",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    tree = Tree(tmp_path)

    assert form_to_google(tree) == {
        "booking.web.public.booking",
        "booking.book",
        "booking.calendar",
        "booking.google.handlers",
        "booking.google.push",
        "booking.google.client",
    }
    assert figures(tree)["files_from_form_to_google"] == 6


def test_requirements_are_cited_anywhere_and_defined_at_the_start_of_a_line() -> None:
    assert REQUIREMENT.findall("(B-07, S-22) UTF-8 T-11 AB-12 B-123") == ["B-07", "S-22"]
    assert DEFINED.findall("- **B-07** see B-08\n| S-22 | x |\nG-01 y\n") == [
        "B-07",
        "S-22",
        "G-01",
    ]


def test_lengths_shares_and_densities() -> None:
    code = "@property\ndef first():\n    pass\n\nasync def second(): pass\n"

    assert sorted(function_lengths([source("a.py", code)])) == [1, 2]
    assert percentile(range(1, 101), 0.95) == 95
    assert percentile([], 0.95) == 0
    assert noqa_density(["x = 1  # noqa: E501\n" + "y = 1\n" * 999, ""]) == 1.0
