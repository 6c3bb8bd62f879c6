"""Views, forms and pages hold no SQL, no query of a manager, no write, no transaction and no enqueueing.

A view reads a request and calls services and queries. What a page reads stands in the package of its feature;
what it writes stands in a service. The rules are read from the source, so that a query in a branch that no
test reaches is found too.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VIEW_FILES = (
    "booking/web/**/*.py",
    "api/**/views.py",
    "billing/**/views.py",
    "compliance/**/views.py",
    "tenants/**/views.py",
    # The only page of config. Its health answers ask the database whether it is there: that is their subject.
    "config/front.py",
)
MANAGERS = {"objects", "_default_manager", "_base_manager"}
DATABASE_NAMES = {"connection", "connections", "transaction"}
"""Names of ``django.db`` by which a module reaches the database around the models."""
CALLS = {
    "save",
    "update",
    "delete",
    "create",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
    "select_for_update",
    "raw",
    "extra",
    "cursor",
    "execute",
    "executemany",
    "send",
    "send_with_options",
    "enqueue_on_commit",
}
"""Methods of rows, querysets, managers and cursors that write, lock or take SQL; actors that are enqueued.

A page changes the session by its items and unites dictionaries by ``|``: no other ``update`` is needed.
"""
SQL = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")


def view_files() -> list[Path]:
    return sorted({path for pattern in VIEW_FILES for path in ROOT.glob(pattern)})


def violations(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) if name in MANAGERS:
                yield f"line {node.lineno}: .{name}"
            case ast.ImportFrom(module="django.db", names=aliases):
                for name in sorted(DATABASE_NAMES & {alias.name for alias in aliases}):
                    yield f"line {node.lineno}: django.db.{name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
                yield f"line {node.lineno}: .{name}("
            case ast.Call(func=ast.Name(id="enqueue_on_commit")):
                yield f"line {node.lineno}: enqueue_on_commit("
            case ast.Constant(value=str() as text) if SQL.match(text):
                yield f"line {node.lineno}: SQL"


def test_view_files_are_found() -> None:
    names = {str(path.relative_to(ROOT)) for path in view_files()}

    assert {
        "billing/clients/views.py",
        "booking/web/connect.py",
        "booking/web/dashboard/team/views.py",
        "booking/web/public/booking.py",
        "config/front.py",
        "tenants/accounts/views.py",
    } <= names


@pytest.mark.parametrize("path", view_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_view_neither_queries_nor_writes(path: Path) -> None:
    assert list(violations(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("Practice.objects.get()", "line 1: .objects"),
        ("from django.db import IntegrityError, transaction", "line 1: django.db.transaction"),
        ("with connection.cursor() as c: pass", "line 1: .cursor("),
        ("request.practice.save()", "line 1: .save("),
        ("rows.filter(pk=1).update(position=2)", "line 1: .update("),
        ("rows.select_for_update().first()", "line 1: .select_for_update("),
        ("rows.raw(statement)", "line 1: .raw("),
        ('_STATEMENT = """\nSELECT 1\n"""', "line 1: SQL"),
        ("poll.send(schema, ref)", "line 1: .send("),
        ("enqueue_on_commit(poll.send, ref)", "line 1: enqueue_on_commit("),
    ],
)
def test_the_rules_find_what_they_are_for(source: str, found: str) -> None:
    assert list(violations(source)) == [found]
