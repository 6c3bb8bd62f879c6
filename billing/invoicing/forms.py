"""Forms of the staff pages of invoices."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.figures import euros
from billing.invoicing.fault_texts import validate_drawable
from billing.invoicing.models import Payment
from billing.invoicing.snapshot import Line
from tenants.form_fields import DayField, LineField
from tenants.work_form import WorkForm

_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
RECEIVED = (Payment.Kind.TRANSFER, Payment.Kind.CARD, Payment.Kind.CHEQUE)
"""The kinds that a person records; debits and their returns come from the bank's files."""


class AmountField(LineField):
    """A positive amount in euros: « 34,80 », « 1 200 € »."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=20, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return a Decimal above zero; raise ValidationError for another text."""
        typed = str(super().clean(value) or "")
        text = re.sub(r"[\s€]", "", typed).replace(",", ".")
        if not _AMOUNT.fullmatch(text) or not Decimal(text):
            raise ValidationError(_("Donnez un montant en euros, par exemple 34,80."))
        return Decimal(text)


class CreditForm(WorkForm):
    """The lines of an invoice that a credit note takes back, and why (F-06)."""

    lines = forms.MultipleChoiceField(
        label=gettext_lazy("Lignes à annuler"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choisissez au moins une ligne.")},
    )
    reason = LineField(
        label=gettext_lazy("Motif"),
        max_length=100,
        validators=[validate_drawable],
        help_text=gettext_lazy("Écrit sur l’avoir, par exemple «\u00a0Facturé deux fois\u00a0»."),
    )

    def __init__(self, *args: Any, lines: Sequence[Line], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lines = lines
        choices = [
            (str(number), f"{line.name}, {euros(line.net)} HT") for number, line in enumerate(lines)
        ]
        self.fields["lines"].choices = choices  # type: ignore[attr-defined]
        self.initial.setdefault("lines", [str(number) for number in range(len(lines))])

    @property
    def chosen(self) -> tuple[Line, ...]:
        """Return the chosen lines in their order."""
        numbers = {int(number) for number in self.cleaned_data["lines"]}
        return tuple(line for number, line in enumerate(self._lines) if number in numbers)


class PaymentForm(WorkForm):
    """Money that was received for an invoice; below zero of ``balance``, money that is given back."""

    amount = AmountField(label=gettext_lazy("Montant"))
    on = DayField(label=gettext_lazy("Jour à la banque"))
    kind = forms.ChoiceField(
        label=gettext_lazy("Moyen"),
        choices=[(kind.value, kind.label) for kind in RECEIVED],
        error_messages={"invalid_choice": gettext_lazy("Choisissez parmi les moyens proposés.")},
    )
    reference = LineField(
        label=gettext_lazy("Référence"),
        max_length=60,
        help_text=gettext_lazy("Celle du relevé\u00a0: le même mouvement ne compte qu’une fois."),
    )

    def __init__(self, *args: Any, balance: Decimal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.balance = balance
        if balance < 0:
            refund = Payment.Kind.REFUND
            self.fields["kind"].choices = [(refund.value, refund.label)]  # type: ignore[attr-defined]

    def clean_amount(self) -> Decimal:
        """Refuse more than what is owed: a credit balance is a decision of its own."""
        amount: Decimal = self.cleaned_data["amount"]
        if amount > abs(self.balance):
            raise ValidationError(
                _("C’est plus que ce qui reste à rendre. Vérifiez la facture.")
                if self.balance < 0
                else _("C’est plus que ce qui reste à payer. Vérifiez la facture.")
            )
        return amount

    @property
    def signed_amount(self) -> Decimal:
        """Return the amount of a valid form, negative for a refund."""
        amount: Decimal = self.cleaned_data["amount"]
        return -amount if self.cleaned_data["kind"] == Payment.Kind.REFUND else amount
