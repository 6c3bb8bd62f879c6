"""Each text field of each form is bounded before it is read, and takes what nobody sees away."""

import ast
import importlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account import app_settings as account_settings
from allauth.mfa import app_settings as mfa_settings
from django import forms
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string

from tenants.form_fields import BoundedFields, LineField, SecretField, TypedTextField
from tests.regular_expressions import modules

OURS = ("api.", "billing.", "booking.", "compliance.", "config.", "tenants.")
UNBOUNDED = {
    "CharField",
    "EmailField",
    "URLField",
    "SlugField",
    "RegexField",
    "JSONField",
    "GenericIPAddressField",
}
TOO_LONG = 90_000


def every_form() -> Iterator[type[forms.BaseForm]]:
    for name, _path in modules():
        if name.partition(".")[0] != "config" and not name.endswith("__main__"):
            importlib.import_module(name)
    waiting: list[type[Any]] = [forms.BaseForm]
    while waiting:
        each = waiting.pop()
        waiting += each.__subclasses__()
        if each.__module__.startswith(OURS):
            yield each


def test_each_text_field_of_a_form_class_is_one_of_ours() -> None:
    """Fields of passwords, hours and hidden texts had no limit of their own."""
    wrong = [
        f"{form.__module__}.{form.__name__}.{name}"
        for form in every_form()
        if not issubclass(form, BoundedFields)
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field, forms.CharField) and not isinstance(field, TypedTextField)
        if not isinstance(field, forms.UUIDField)
    ]
    assert wrong == []


def test_no_module_makes_a_text_field_of_another_kind() -> None:
    """Fields that a form adds when it is made are found in the source."""
    wrong = []
    for name, path in modules():
        if name == "tenants.form_fields" or ".models" in name or ".migrations" in name:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(value=ast.Name(id="forms"), attr=attribute) if (
                    attribute in UNBOUNDED
                ):
                    wrong.append(f"{name}:{node.lineno}")
    assert wrong == []


def test_each_form_of_the_library_is_bounded() -> None:
    used = {**account_settings.FORMS, **mfa_settings.FORMS}
    unbounded = {
        key for key, path in used.items() if not issubclass(import_string(path), BoundedFields)
    }
    assert unbounded == set()
    assert {
        "login",
        "set_password",
        "reset_password_from_key",
        "reauthenticate",
        "add_webauthn",
    } <= set(used)


HOSTILE = (
    "x" * TOO_LONG,
    " " * TOO_LONG,
    "1" + " " * TOO_LONG + "x",
    "\u200b" * TOO_LONG,
    "é" * TOO_LONG,
)


@pytest.mark.parametrize("hostile", HOSTILE, ids=["letters", "blanks", "hour", "unseen", "accents"])
def test_each_field_refuses_a_text_of_ninety_thousand_characters_at_once(hostile: str) -> None:
    for form in every_form():
        for name, field in getattr(form, "base_fields", {}).items():
            if isinstance(field, forms.FileField | forms.ModelChoiceField | forms.BooleanField):
                continue
            began = time.process_time()
            try:
                field.clean([hostile] if isinstance(field, forms.MultipleChoiceField) else hostile)
            except ValidationError:
                pass
            else:
                assert not isinstance(field, TypedTextField), name
            assert time.process_time() - began < 0.2, f"{form.__name__}.{name}"


def test_the_text_is_not_read_before_its_length_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    field = LineField(max_length=10)

    def read(_text: str) -> str:
        raise RuntimeError("read")

    monkeypatch.setattr(field, "clean_text", read)
    with pytest.raises(ValidationError):
        field.clean("x" * 200)


def test_a_password_stays_as_it_was_typed_and_has_128_characters_at_most() -> None:
    typed = " a\u200b\u00e9b\t"
    assert SecretField().clean(typed) == typed
    with pytest.raises(ValidationError):
        SecretField().clean("x" * 129)
    assert "maxlength" not in SecretField().widget.attrs
