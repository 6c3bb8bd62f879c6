"""Each regular expression of the project takes linear time: no text that somebody types can stop a process."""

import importlib
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.core import validators

from tests.regular_expressions import (
    LENGTH,
    MOST_SECONDS,
    ROOT,
    Expression,
    TooSlow,
    check,
    cpu_seconds,
    in_script,
    in_source,
    in_urls,
    in_validators,
    modules,
)

OWN_FILES_ONLY = {
    "config.devtools.template_check": "reads the templates of the repository",
    "config.templatetags.icons": "reads the sheet of icons of the repository",
    "tenants.management.commands.make_template": "reads the dump of an empty schema",
}
"""Modules whose expressions never meet a typed text."""
URLCONFS = ("config.urls_public", "config.urls_tenant", "config.urls_custom", "config.urls_connect")


def all_expressions() -> Iterator[Expression]:
    """Return the expressions of source, URLs, validators and scripts."""
    for name, path in modules():
        if name not in OWN_FILES_ONLY:
            yield from in_source(name, path.read_text(encoding="utf-8"))
    yield from of_fields()
    for script in sorted((ROOT / "config" / "static").glob("*.js")):
        yield from in_script(script.name, script.read_text(encoding="utf-8"))
    for urlconf in URLCONFS:
        yield from in_urls(urlconf)


def of_fields() -> Iterator[Expression]:
    """Return the expressions of the validators of models and forms."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            yield from in_validators(str(field), getattr(field, "validators", ()))
    for form in every_subclass(forms.BaseForm):
        for name, field in getattr(form, "base_fields", {}).items():
            yield from in_validators(f"{form.__name__}.{name}", field.validators)
    yield from in_validators("Django", (validators.validate_email, validators.validate_slug))


def every_subclass(base: type[Any]) -> Iterator[type[Any]]:
    """Return each class below one, once all modules are imported."""
    for each in base.__subclasses__():
        yield each
        yield from every_subclass(each)


def test_each_expression_of_the_project_is_linear() -> None:
    """A field of 90 kB in "Bloquer du temps" stopped both workers for every practice."""
    for name, _path in modules():
        if name.partition(".")[0] != "config" and not name.endswith("__main__"):
            importlib.import_module(name)
    found = list({(e.pattern, e.methods): e for e in all_expressions()}.values())
    slow = []
    for expression in found:
        try:
            check(expression)
        except TooSlow as refused:
            slow.append(str(refused))
    assert slow == []
    assert len(found) > 150


def test_the_walk_finds_the_expressions_of_each_kind_of_place() -> None:
    places = [expression.place for expression in all_expressions()]
    for part in (
        "config.logs:",
        "booking.rules.persons:",
        "agenda.js",
        "EmailValidator",
        "<str:token>",
    ):
        assert any(part in place for place in places), part


@pytest.mark.parametrize(
    ("written", "method"),
    [
        (r"^\s*(\d{1,2})\s*(?:[h:.]\s*(\d{1,2})?)?\s*$", "match"),
        (r"[ \t]+([,.\n])", "sub"),
        (r"^[\W\d_]+|[\W\d_]+$", "sub"),
        (r"(\w+)+\d", "match"),
        (r"(?:a|a)*b", "match"),
        (r"\b[a-z0-9-]+\.(?:fr|com)\b", "search"),
        (r"<b>.*?</b>", "search"),
        (r"(?m)^\s*\d+ h", "search"),
    ],
)
def test_the_check_refuses_expressions_that_are_not_linear(written: str, method: str) -> None:
    with pytest.raises(TooSlow):
        check(Expression("test", re.compile(written), frozenset({method})))


def test_an_expression_that_is_passed_on_is_searched_for_from_each_place() -> None:
    source = 'import re\n_WORD = re.compile(r"a+b")\nknown = (_WORD,)\n_WORD.fullmatch("a")\n'
    [found] = in_source("tenants.schema", source)
    assert "search" in found.methods


def test_the_bound_counts_the_time_of_the_process() -> None:
    with pytest.raises(TooSlow), cpu_seconds(MOST_SECONDS / 20, "test"):
        re.match(r"(a*)*b", "a" * 40)
    with cpu_seconds(MOST_SECONDS, "test"):
        re.match(r"a*b", "a" * LENGTH)


def test_the_exempt_modules_exist() -> None:
    known: dict[str, Path] = dict(chain(modules()))
    assert set(OWN_FILES_ONLY) <= set(known)
