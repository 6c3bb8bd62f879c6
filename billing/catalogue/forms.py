"""Forms of the catalogue's staff pages."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.catalogue.models import Product
from billing.catalogue.services import NewProduct
from billing.glyphs import undrawable
from tenants.edit_form import EditForm
from tenants.form_fields import DayField, LineField
from tenants.work_form import WorkForm

_AMOUNT = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,4})?")
_CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class PriceField(LineField):
    """A unit price without VAT in euros, at most four decimals: « 29 », « 29,00 », « 0,0450 € »."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=20, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return a Decimal; raise ValidationError for another text."""
        typed = str(super().clean(value) or "")
        text = re.sub(r"[\s€]", "", typed).replace(",", ".")
        if not _AMOUNT.fullmatch(text):
            raise ValidationError(
                _("Donnez un prix hors taxes en euros, par exemple 29,00."), code="price"
            )
        return Decimal(text)


class ProductNameField(LineField):
    """The name of a product, which documents copy."""

    def clean(self, value: Any) -> str:
        """Return the name; raise ValidationError with the characters that no document can draw."""
        name = str(super().clean(value) or "")
        if wrong := undrawable(name):
            raise ValidationError(
                _("Ces signes ne peuvent pas figurer sur une facture\u00a0: %(signs)s")
                % {"signs": " ".join(wrong)},
                code="undrawable",
            )
        return name


def _name() -> ProductNameField:
    return ProductNameField(
        label=gettext_lazy("Nom sur les documents"),
        max_length=100,
        help_text=gettext_lazy("Précis\u00a0: le client le lit sur sa facture."),
    )


def _price() -> PriceField:
    return PriceField(
        label=gettext_lazy("Prix hors taxes, en euros"),
        help_text=gettext_lazy("Par praticien ou par cabinet, pour un mois, un an ou une fois."),
    )


class ProductForm(WorkForm):
    """A new product with its first price."""

    name = _name()
    code = LineField(
        label=gettext_lazy("Code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Pour lib-rdv seulement, par exemple «\u00a0abonnement-solo\u00a0»."
        ),
    )
    rhythm = forms.ChoiceField(
        label=gettext_lazy("Facturation"), choices=Product.Rhythm.choices, initial="month"
    )
    unit = forms.ChoiceField(
        label=gettext_lazy("Quantité"), choices=Product.Unit.choices, initial="practice"
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Nature"),
        choices=Product.Kind.choices,
        initial="service",
        help_text=gettext_lazy("Un débours se refacture sans TVA, avec le reçu du fournisseur."),
    )
    net = _price()

    def clean_code(self) -> str:
        """Check the letters of the code: it stands in addresses."""
        code = str(self.cleaned_data["code"]).lower()
        if not _CODE.fullmatch(code):
            raise ValidationError(
                _("Des lettres sans accent, des chiffres et des tirets, par exemple site-internet.")
            )
        return code

    @property
    def product(self) -> NewProduct:
        """Return the product of a valid form."""
        names = ("code", "name", "kind", "rhythm", "unit", "net")
        return NewProduct(**{name: self.cleaned_data[name] for name in names})


class ProductRenameForm(EditForm):
    """The name of a product."""

    name = _name()


class NewPriceForm(WorkForm):
    """A price from a day on."""

    net = _price()
    valid_from = DayField(
        label=gettext_lazy("À partir du"),
        help_text=gettext_lazy(
            "Aujourd’hui ou plus tard. Commandes signées et factures émises gardent leurs prix."
        ),
    )
