"""The form of the lines of a draft: a row for each line, and empty rows for new ones."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.amounts import ZERO, cents
from billing.invoicing.draft_lines import TypedDraft, TypedLine
from billing.invoicing.fault_texts import validate_drawable
from tenants.edit_form import EditForm
from tenants.form_fields import DayField, LineField

MOST_ROWS = 40
_CENTS = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,2})?")
_FINE = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,4})?")
COLUMNS = ("name", "quantity", "unit_price", "discount", "discount_reason")


class NumberField(LineField):
    """A number that may be empty: not negative, with at most two or four ``decimals``; « 29,00 € », « 1,5 »."""

    def __init__(self, *, decimals: int, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=20, required=False, **kwargs)
        self._pattern = _CENTS if decimals == 2 else _FINE

    def clean(self, value: Any) -> Any:
        """Return a Decimal, or None for nothing; raise ValidationError for another text."""
        typed = str(super().clean(value) or "")
        text = re.sub(r"[\s€]", "", typed).replace(",", ".")
        if not text:
            return None
        if not self._pattern.fullmatch(text):
            raise ValidationError(_("Donnez un nombre, par exemple 29,00."), code="number")
        return Decimal(text)


FIELDS: dict[str, Callable[[], forms.Field]] = {
    "name": lambda: LineField(
        label=gettext_lazy("Désignation"),
        max_length=100,
        required=False,
        validators=[validate_drawable],
    ),
    "quantity": lambda: NumberField(label=gettext_lazy("Quantité"), decimals=4),
    "unit_price": lambda: NumberField(label=gettext_lazy("Prix unitaire hors taxes"), decimals=4),
    "discount": lambda: NumberField(label=gettext_lazy("Remise hors taxes"), decimals=2),
    "discount_reason": lambda: LineField(
        label=gettext_lazy("Motif de la remise"),
        max_length=100,
        required=False,
        validators=[validate_drawable],
    ),
}


class DraftLinesForm(EditForm):
    """The lines and the due day of a draft; a row without a name and a price is left out."""

    due_on = DayField(
        label=gettext_lazy("Échéance"),
        required=False,
        help_text=gettext_lazy("Vide\u00a0: le délai de paiement du vendeur."),
    )

    def __init__(self, *args: Any, rows: int, **kwargs: Any) -> None:
        self.rows = min(rows, MOST_ROWS)
        # Before EditForm copies them: it compares the stored value of each field.
        self.base_fields = {  # type: ignore[misc]
            **type(self).base_fields,
            **{f"{name}_{row}": FIELDS[name]() for row in range(self.rows) for name in COLUMNS},
        }
        super().__init__(*args, **kwargs)

    @property
    def groups(self) -> Iterator[list[BoundField]]:
        """Yield the fields of each row."""
        for row in range(self.rows):
            yield [self[f"{name}_{row}"] for name in COLUMNS]

    def clean(self) -> dict[str, Any]:
        """Check each row by itself, and that there is one."""
        data = super().clean() or self.cleaned_data
        lines = [row for row in range(self.rows) if self._is_line(row)]
        if not lines and not self.errors:
            self.add_error(None, _("Ajoutez au moins une ligne."))
        return data

    @property
    def typed(self) -> TypedDraft:
        """Return the draft of a valid form; an empty quantity is one."""
        data = self.cleaned_data
        lines = tuple(
            TypedLine(
                row,
                data[f"name_{row}"],
                Decimal(1) if data[f"quantity_{row}"] is None else data[f"quantity_{row}"],
                data[f"unit_price_{row}"],
                data[f"discount_{row}"] or ZERO,
                data[f"discount_reason_{row}"],
            )
            for row in range(self.rows)
            if data[f"name_{row}"]
        )
        return TypedDraft(lines, data["due_on"])

    def _is_line(self, row: int) -> bool:
        """Return whether a row is a line, and add what is missing in it."""
        data = self.cleaned_data
        name, price = data.get(f"name_{row}"), data.get(f"unit_price_{row}")
        if not name and price is None:
            return False
        if not name and f"name_{row}" not in self.errors:
            self.add_error(f"name_{row}", _("Donnez la désignation."))
        if price is None and f"unit_price_{row}" not in self.errors:
            self.add_error(f"unit_price_{row}", _("Donnez le prix hors taxes."))
        quantity = data.get(f"quantity_{row}")
        if quantity == 0:
            self.add_error(f"quantity_{row}", _("La quantité est positive."))
        discount = data.get(f"discount_{row}") or ZERO
        if discount and price is not None:
            if discount > cents(price * (Decimal(1) if quantity is None else quantity)):
                self.add_error(f"discount_{row}", _("La remise dépasse le montant de la ligne."))
            if not data.get(f"discount_reason_{row}"):
                self.add_error(f"discount_reason_{row}", _("Donnez le motif de la remise."))
        return True
