"""Forms of the staff pages of invoices."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.invoicing.fault_texts import validate_drawable
from billing.invoicing.models import Payment
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
    """The credit note of a whole invoice: why."""

    reason = LineField(
        label=gettext_lazy("Motif"),
        max_length=100,
        validators=[validate_drawable],
        help_text=gettext_lazy("Écrit sur l’avoir, par exemple «\u00a0Facturé deux fois\u00a0»."),
    )


class PaymentForm(WorkForm):
    """Money that was received for an invoice."""

    amount = AmountField(label=gettext_lazy("Montant reçu"))
    on = DayField(label=gettext_lazy("Reçu le"))
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

    def clean_amount(self) -> Decimal:
        """Refuse more than what is owed: a credit balance is a decision of its own."""
        amount: Decimal = self.cleaned_data["amount"]
        if amount > self.balance:
            raise ValidationError(_("C’est plus que ce qui reste à payer. Vérifiez la facture."))
        return amount
