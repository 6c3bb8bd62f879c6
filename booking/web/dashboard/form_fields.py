"""The shared form fields of the dashboard: French hours, phone numbers and dates."""

import contextlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.formats import typed_hours
from tenants.form_fields import LineField


def write_minutes(minutes: int) -> str:
    """Return « 9 h 30 », with no-break spaces."""
    return f"{minutes // 60}\u00a0h\u00a0{minutes % 60:02}"


def offer_rows(
    form: forms.BaseForm, name: str, rows: QuerySet[Any]
) -> "forms.ModelChoiceField[Any]":
    """Let these rows be chosen in a field of the form, and return the field."""
    field = form.fields[name]
    if not isinstance(field, forms.ModelChoiceField):
        raise TypeError(name)
    field.queryset = rows
    return field


def set_choices(form: forms.BaseForm, name: str, choices: Iterable[tuple[str, Any]]) -> None:
    """Replace the choices of a field of the form."""
    field = form.fields[name]
    if not isinstance(field, forms.ChoiceField):
        raise TypeError(name)
    field.choices = list(choices)


class RowField(forms.ChoiceField):
    """A choice among rows, by their ``ref``, which the form has read once; Django's field queries each time."""

    default_error_messages = forms.ModelChoiceField.default_error_messages
    rows: Mapping[str, Any] = {}

    def offer(self, rows: Iterable[Any]) -> None:
        """Let these be chosen, and no others."""
        self.rows = {str(row.ref): row for row in rows}
        self.choices = [(ref, str(row)) for ref, row in self.rows.items()] or [("", _("Aucun"))]

    def prepare_value(self, value: Any) -> Any:
        """Return how a chosen row, or its ref, stands in the page."""
        return str(getattr(value, "ref", value)) if value else value

    def clean(self, value: Any) -> Any:
        """Return the row of a ref, or None when it may stay empty."""
        return self.rows.get(super().clean(value))

    def to_python(self, value: Any) -> str:
        """Return the ref as the choices write it, with or without its dashes."""
        typed: str = super().to_python(value)
        with contextlib.suppress(ValueError):
            return str(uuid.UUID(typed))
        return typed


class HourField(LineField):
    """An hour of the local day, typed as people write it; the value is minutes since midnight.

    Where an hour ends a range of one day (``is_end``), midnight is the end of that day: 1440.
    """

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        self.is_end = is_end
        kwargs.setdefault(
            "widget", forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
        )
        kwargs.setdefault("max_length", typed_hours.LONGEST)
        super().__init__(**kwargs)
        self.error_messages["max_length"] = _unreadable_hour()

    def clean(self, value: Any) -> Any:
        """Return minutes, or None when it may stay empty."""
        typed = str(super().clean(value) or "")
        if not typed:
            return None
        try:
            minutes = typed_hours.read_minutes(typed)
        except ValueError:
            raise ValidationError(_unreadable_hour()) from None
        return typed_hours.DAY_MINUTES if self.is_end and not minutes else minutes

    def prepare_value(self, value: Any) -> Any:
        """Show minutes as an hour, and what was typed as it was typed."""
        return write_minutes(value) if isinstance(value, int) else value


def _unreadable_hour() -> str:
    return _("Cette heure ne semble pas valide. Exemple\u00a0: 9\u00a0h\u00a030.")


EARLIEST_YEAR, LATEST_YEAR = 2000, 2200


class DayField(forms.DateField):
    """A date; the browser's own picker, which sends 2026-11-24, or 24/11/2026 typed."""

    default_error_messages = {
        "invalid": gettext_lazy("Cette date ne semble pas valide. Exemple\u00a0: 24/11/2026.")
    }

    def __init__(self, *, is_bounded: bool = True, **kwargs: Any) -> None:
        self.is_bounded = is_bounded
        kwargs.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        kwargs.setdefault("input_formats", ["%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y"])
        super().__init__(**kwargs)

    def clean(self, value: Any) -> date | None:
        """Refuse the ends of the calendar: nobody means them, and a day after them does not exist."""
        day: date | None = super().clean(value)
        if not self.is_bounded:
            return day
        if day is not None and not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return day
