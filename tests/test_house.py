"""Rules of the code base that a test can check (design sections 2, 3 and 12)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("api", "billing", "booking", "compliance", "config", "tenants")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "core", "misc"}


def sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from (path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)


def our_models() -> list[type[models.Model]]:
    rooms = tuple(f"{room}." for room in ROOMS)
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model.__module__.startswith(rooms)
    ]


def lives_in_tenants(model: type[models.Model]) -> bool:
    return apps.get_app_config(model._meta.app_label).name in settings.TENANT_APPS


def is_shared_only(model: type[models.Model]) -> bool:
    return not lives_in_tenants(model)


@pytest.mark.parametrize("path", sorted(sources()), ids=lambda path: str(path.relative_to(ROOT)))
def test_set_is_always_local(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\bSET\s+(?!LOCAL\b)(SESSION\s+)?(ROLE|search_path)\b", text)


def test_no_module_has_a_forbidden_name() -> None:
    assert [path for path in sources() if path.stem in FORBIDDEN_NAMES] == []


def test_no_foreign_key_leaves_a_tenant_for_public() -> None:
    outgoing = [
        f"{model.__name__}.{field.name}"
        for model in our_models()
        if lives_in_tenants(model)
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and is_shared_only(field.related_model)
    ]

    assert outgoing == []


def test_no_foreign_key_goes_from_public_into_a_tenant() -> None:
    incoming = [
        f"{model.__name__}.{field.name}"
        for model in our_models()
        if is_shared_only(model)
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and apps.get_app_config(field.related_model._meta.app_label).name
        not in settings.SHARED_APPS
    ]

    assert incoming == []


def test_every_key_is_a_big_integer() -> None:
    small = [
        model.__name__
        for model in our_models()
        if not isinstance(model._meta.pk, models.BigAutoField)
        and model.__name__ not in {"Practice", "Heartbeat"}
    ]

    assert small == []


def test_every_ref_is_unique() -> None:
    loose = [
        model.__name__
        for model in our_models()
        for field in model._meta.get_fields()
        if field.name == "ref"
        and not getattr(field, "unique", False)
        and model.__name__ != "AuditEvent"
    ]

    assert loose == []


def test_no_signal_and_no_trigger_is_used() -> None:
    pattern = re.compile(r"post_save|pre_save|post_delete|CREATE TRIGGER|plpgsql", re.IGNORECASE)

    assert [path for path in sources() if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_no_input_is_splatted_into_a_filter() -> None:
    pattern = re.compile(r"\.filter\(\*\*request|Q\(\*\*request|\.filter\(\*\*data")

    assert [path for path in sources() if pattern.search(path.read_text(encoding="utf-8"))] == []
