"""Forms of the staff pages of orders."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.catalogue.queries import ProductRow
from billing.clients import queries
from billing.clients.models import Client
from billing.orders.models import Order
from billing.orders.services import OrderChoice, OrderTerms
from tenants.form_fields import DayField, LineField, MailboxField, NameField
from tenants.subdomains import UnusableNameError, check_name
from tenants.work_form import WorkForm

_COUNT = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,2})?")


class QuantityField(LineField):
    """How many of a product, empty for none: « 2 », « 1,5 »."""

    def clean(self, value: Any) -> Any:
        """Return a Decimal or None; raise ValidationError for another text."""
        text = str(super().clean(value) or "").replace(",", ".").strip()
        if not text:
            return None
        if not _COUNT.fullmatch(text):
            raise ValidationError(_("Donnez une quantité, par exemple 1."))
        return Decimal(text) or None


class NewOrderForm(WorkForm):
    """An order form: products of the catalogue with their quantities, terms, signatory."""

    rhythm = forms.ChoiceField(
        label=gettext_lazy("Facturation"),
        choices=[("month", gettext_lazy("Par mois")), ("year", gettext_lazy("Par an"))],
    )
    starts_on = DayField(
        label=gettext_lazy("Début de l’abonnement"),
        required=False,
        help_text=gettext_lazy("Vide\u00a0: le jour de la signature."),
    )
    place_of_signature = forms.ChoiceField(
        label=gettext_lazy("Lieu de la signature"),
        choices=Order.SignaturePlace.choices,
        help_text=gettext_lazy(
            "Au cabinet ou sur un salon, un client de cinq salariés au plus peut se rétracter quatorze jours."
        ),
    )
    signatory_name = NameField(label=gettext_lazy("Prénom et nom du signataire"), max_length=80)
    signatory_capacity = LineField(
        label=gettext_lazy("Qualité"),
        max_length=80,
        required=False,
        help_text=gettext_lazy("Par exemple «\u00a0gérante\u00a0» ou «\u00a0psychologue\u00a0»."),
    )
    signatory_email = MailboxField(label=gettext_lazy("E-mail du signataire"))
    subdomain = LineField(label=gettext_lazy("Adresse du site"), max_length=40)
    profession = LineField(label=gettext_lazy("Profession"), max_length=40)

    def __init__(self, *args: Any, client: Client, rows: list[ProductRow], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = [row for row in rows if row.net is not None and row.product.is_offered]
        for row in self.rows:
            self.fields[_name(row)] = QuantityField(
                label=row.product.name, max_length=8, required=False
            )
        if client.tenant_id is not None:
            del self.fields["subdomain"], self.fields["profession"]
        else:
            self.fields["subdomain"].help_text = _("Devant .%(apex)s") % {"apex": settings.APEX}

    @property
    def products(self) -> list[tuple[ProductRow, forms.BoundField]]:
        """Each product on offer with the field of its quantity."""
        return [(row, self[_name(row)]) for row in self.rows]

    @property
    def others(self) -> list[forms.BoundField]:
        """The fields beside the products."""
        names = {_name(row) for row in self.rows}
        return [field for field in self if field.name not in names]

    def clean_subdomain(self) -> str:
        """Refuse a subdomain that cannot be one, or that is taken (G-02)."""
        try:
            name = check_name(self.cleaned_data["subdomain"])
        except UnusableNameError:
            raise ValidationError(
                _("Cette adresse ne peut pas servir. Exemple\u00a0: maite-exemple.")
            ) from None
        if queries.is_host_taken(f"{name}.{settings.APEX}"):
            raise ValidationError(_("Un autre client répond déjà à ce nom."))
        return name

    def clean(self) -> dict[str, Any]:
        """Ask for one product at least, all of one rhythm beside those invoiced once."""
        data = super().clean() or {}
        chosen = [row for row in self.rows if data.get(_name(row))]
        if not chosen and not any(_name(row) in self.errors for row in self.rows):
            self.add_error(None, _("Choisissez au moins un produit."))
        for row in chosen:
            if row.product.rhythm not in {"once", data.get("rhythm")}:
                self.add_error(_name(row), _("Ce produit se facture à un autre rythme."))
        return data

    @property
    def choices(self) -> list[OrderChoice]:
        """The products of the valid form."""
        data = self.cleaned_data
        return [OrderChoice(row.product, data[_name(row)]) for row in self.rows if data[_name(row)]]

    @property
    def terms(self) -> OrderTerms:
        """The terms of the valid form."""
        data = self.cleaned_data
        return OrderTerms(
            rhythm=data["rhythm"],
            place_of_signature=data["place_of_signature"],
            signatory_name=data["signatory_name"],
            signatory_email=data["signatory_email"],
            signatory_capacity=data["signatory_capacity"],
            starts_on=data["starts_on"],
            subdomain=data.get("subdomain", ""),
            profession=data.get("profession", ""),
        )


def _name(row: ProductRow) -> str:
    return f"quantity-{row.product.code}"
