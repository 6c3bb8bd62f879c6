"""Dates at both ends of the calendar: every form refuses them with words, and no page fails on them."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from django import forms

from tenants.form_fields import DayField, read_day

PACKAGES = ("api", "billing", "booking", "compliance", "tenants")
ENDS = (
    "0001-01-01",
    "0099-12-31",
    "1999-12-31",
    "2201-01-01",
    "9999-12-31",
    "31/12/9999",
    "10000-01-01",
)
SEARCHES = {
    ("PeriodForm", "du"),
    ("PeriodForm", "au"),
    ("LedgerFilterForm", "du"),
    ("LedgerFilterForm", "au"),
}
"""The fields of searches, which may look beyond; the queries of their pages bound them."""


def form_classes() -> set[type[forms.BaseForm]]:
    """Return each form of the product."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)

    def below(found: type[forms.BaseForm]) -> Iterator[type[forms.BaseForm]]:
        for child in found.__subclasses__():
            yield child
            yield from below(child)

    return {form for form in below(forms.BaseForm) if form.__module__.partition(".")[0] in PACKAGES}


def date_fields() -> list[tuple[str, str, forms.Field]]:
    """Return each field of a form that reads a date or an instant, with its form and its name."""
    kinds = (forms.DateField, forms.DateTimeField, forms.SplitDateTimeField)
    return sorted(
        (form.__name__, name, field)
        for form in form_classes()
        for name, field in form.base_fields.items()  # type: ignore[attr-defined]
        if isinstance(field, kinds)
    )


def test_each_date_of_a_form_is_bounded() -> None:
    """A new date uses the bounded field, or is named here as one of a search."""
    found = date_fields()

    assert len(found) > 10
    for form, name, field in found:
        assert isinstance(field, DayField), (form, name)
        assert field.is_bounded or (form, name) in SEARCHES, (form, name)


@pytest.mark.parametrize("typed", ENDS)
def test_the_ends_of_the_calendar_are_refused_with_words(typed: str) -> None:
    with pytest.raises(forms.ValidationError, match="ne semble pas valide"):
        DayField(label="Jour").clean(typed)


@pytest.mark.parametrize("typed", [*ENDS, "", "2026-02-30", "2026-W01-1x", "\0"])
def test_a_date_outside_a_form_is_read_within_the_same_bounds(typed: str) -> None:
    assert read_day(typed) is None
