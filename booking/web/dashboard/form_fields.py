"""The shared form fields of the dashboard: French hours, phone numbers and dates."""

import contextlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.formats import typed_hours
from booking.models import AppointmentType, Location, Practitioner
from tenants.form_fields import LineField
from tenants.work_form import WorkForm


def write_minutes(minutes: int) -> str:
    """Return « 9 h 30 », with no-break spaces."""
    return f"{minutes // 60}\u00a0h\u00a0{minutes % 60:02}"


_CLOSED = {
    AppointmentType: gettext_lazy("archivé"),
    Location: gettext_lazy("fermé"),
    Practitioner: gettext_lazy("agenda fermé"),
}
"""The word after the name of a row that is no longer offered."""


def label_of(row: Any) -> str:
    """Return how a row stands in a list of choices: « Cabinet », or « Cabinet (fermé) »."""
    return str(row) if row.is_active else f"{row} ({_CLOSED[type(row)]})"


def offer_rows(
    form: forms.BaseForm, name: str, rows: QuerySet[Any]
) -> "forms.ModelChoiceField[Any]":
    """Let these rows be chosen in a field of the form, and return the field."""
    field = form.fields[name]
    if not isinstance(field, forms.ModelChoiceField):
        raise TypeError(name)
    field.queryset = rows
    field.label_from_instance = label_of  # type: ignore[method-assign, assignment]  # Django's documented way is a subclass
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

    def __init__(self, *, empty_label: Any = "", **kwargs: Any) -> None:
        self.empty_label = empty_label
        super().__init__(**kwargs)

    def offer(self, rows: Iterable[Any]) -> None:
        """Let these be chosen, and no others."""
        self.rows = {str(row.ref): row for row in rows}
        choices = [(ref, label_of(row)) for ref, row in self.rows.items()]
        if not self.required:
            choices = [("", self.empty_label), *choices]
        self.choices = choices or [("", _("Aucun"))]

    def shown_value(self, value: Any) -> Any:
        """Return what the page shows for ``value``; a required choice of one row is not asked.

        It is hidden only when nothing else was to be shown, so that a hidden field never replaces a value.
        """
        shown = self.prepare_value(value)
        if len(self.rows) == 1 and shown in (None, "", *self.rows):
            if self.required:
                self.widget = forms.HiddenInput()
            return next(iter(self.rows))
        self._ask_if_unknown(shown)
        return value

    def show_again(self, typed: Any) -> None:
        """Show the field as a list, because the server refused its value; no other row is preselected."""
        self.widget = forms.Select()
        self.choices = list(self.rows_as_choices())
        self._ask_if_unknown(typed)

    def rows_as_choices(self) -> Iterable[tuple[str, Any]]:
        """Return the refs and labels of the rows."""
        return [(ref, label_of(row)) for ref, row in self.rows.items()]

    def _ask_if_unknown(self, value: Any) -> None:
        """Put an empty choice first when ``value`` is none of the rows: browsers preselect the first choice."""
        if self.required and value and str(value) not in self.rows:
            self.choices = [("", _("À choisir")), *self.rows_as_choices()]

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


class RowForm(WorkForm):
    """A form with ``RowField``: a field is hidden while it has one choice, and shown when its value is refused."""

    def offer(self, name: str, rows: Iterable[Any], *, present: Any = None) -> None:
        """Let these rows be chosen, and ``present``, the row that is stored now, even if it was closed since."""
        field = self.row_field(name)
        offered = list(rows)
        if present is not None and present.pk not in {row.pk for row in offered}:
            offered.append(present)
        field.offer(offered)
        self.initial[name] = field.shown_value(self.initial.get(name))

    def row_field(self, name: str) -> RowField:
        """Return a field that is a RowField. Raises TypeError otherwise."""
        field = self.fields[name]
        if not isinstance(field, RowField):
            raise TypeError(name)
        return field

    def add_error(self, field: str | None, error: Any) -> None:
        """Show a hidden choice that has an error: nobody can mend a field that is not shown."""
        super().add_error(field, error)
        refused = self.fields[field] if field else None
        if isinstance(refused, RowField) and refused.widget.is_hidden:
            refused.show_again(self.data.get(self.add_prefix(str(field))))


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
