"""Forms of the seller and of the reference rates."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from stdnum import bic as bic_number
from stdnum import iban as iban_number
from stdnum.eu import at_02 as creditor_identifier
from stdnum.exceptions import ValidationError as WrongNumber

from billing.clients.identity import (
    IdentityRefused,
    contradictions,
    read_siren,
    read_siret,
    read_vat_number,
)
from billing.clients.identity_texts import MESSAGES
from billing.invoicing.fault_texts import validate_drawable
from billing.invoicing.seller.services import HalfYearRates
from billing.territories import Territory
from billing.vat import SellerRegime
from tenants.edit_form import EditForm
from tenants.form_fields import DayField, LineField, MailboxField
from tenants.work_form import WorkForm

_RATE = re.compile(r"-?[0-9]{1,2}(?:\.[0-9]{1,2})?")
REGIMES = (
    (SellerRegime.NORMAL.value, gettext_lazy("Régime normal")),
    (SellerRegime.FRANCHISE.value, gettext_lazy("Franchise en base, art. 293 B du CGI")),
)
LONGEST_TERM = 60
"""Days from issue to due date between professionals (C. com. L.441-10)."""


class RateField(LineField):
    """A yearly rate in per cent with at most two decimals: « 12,15 », « 12,15 % »."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=12, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return a Decimal; raise ValidationError for another text."""
        typed = str(super().clean(value) or "")
        text = re.sub(r"[\s%]", "", typed).replace(",", ".")
        if not _RATE.fullmatch(text):
            raise ValidationError(_("Donnez un taux annuel, par exemple 12,15."), code="rate")
        return Decimal(text)


def _line(label: Any, max_length: int, **kwargs: Any) -> LineField:
    """Return a field whose text documents show."""
    return LineField(label=label, max_length=max_length, validators=[validate_drawable], **kwargs)


class SellerForm(EditForm):
    """The identity and the terms of the seller from a day on; saving adds a row (F-01)."""

    valid_from = DayField(
        label=gettext_lazy("À partir du"),
        help_text=gettext_lazy("Aujourd’hui ou plus tard. Les factures émises ne changent pas."),
    )
    name = _line(gettext_lazy("Dénomination"), 120)
    legal_form = _line(gettext_lazy("Forme juridique"), 40, help_text="SARL, SAS…")
    capital = _line(
        gettext_lazy("Capital social"),
        40,
        required=False,
        help_text=gettext_lazy("Écrit comme sur la page, par exemple 5 000 €."),
    )
    register = _line(
        gettext_lazy("Immatriculation"),
        80,
        required=False,
        help_text=gettext_lazy("Par exemple RCS Bayonne 123 456 782."),
    )
    siren = LineField(label=gettext_lazy("SIREN"), max_length=20)
    siret = LineField(label=gettext_lazy("SIRET du siège"), max_length=30)
    vat_regime = forms.ChoiceField(label=gettext_lazy("Régime de TVA"), choices=REGIMES)
    vat_number = LineField(
        label=gettext_lazy("Numéro de TVA"),
        max_length=30,
        required=False,
        help_text=gettext_lazy("Obligatoire au régime normal."),
    )
    vat_on_debits = forms.BooleanField(
        label=gettext_lazy("Option pour le paiement de la taxe d’après les débits"), required=False
    )
    street = _line(gettext_lazy("Numéro et rue"), 120)
    building = _line(gettext_lazy("Bâtiment, étage, lieu-dit"), 120, required=False)
    postcode = _line(gettext_lazy("Code postal"), 12)
    town = _line(gettext_lazy("Commune"), 80)
    phone = _line(gettext_lazy("Téléphone"), 16, required=False)
    email = MailboxField(label=gettext_lazy("E-mail de la facturation"), required=False)
    iban = LineField(
        label=gettext_lazy("IBAN pour les virements"),
        max_length=50,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    bic = LineField(label=gettext_lazy("BIC"), max_length=20, required=False)
    ics = LineField(
        label=gettext_lazy("Identifiant créancier SEPA (ICS)"),
        max_length=45,
        required=False,
        help_text=gettext_lazy("Sans lui, aucun prélèvement."),
    )
    payment_days = forms.IntegerField(
        label=gettext_lazy("Délai de paiement, en jours"),
        min_value=0,
        max_value=LONGEST_TERM,
        initial=30,
        help_text=gettext_lazy("Soixante jours au plus."),
    )
    penalty_rate = RateField(
        label=gettext_lazy("Pénalités de retard, en % par an"),
        help_text=gettext_lazy(
            "Au moins trois fois le taux d’intérêt légal (C. com. L.441-10). Écrit sur chaque facture."
        ),
    )
    discount_terms = _line(gettext_lazy("Escompte"), 100, initial="néant")

    def clean_siren(self) -> str:
        """Check the digits and the key."""
        return _read(read_siren, self.cleaned_data["siren"])

    def clean_siret(self) -> str:
        """Check the digits and the key."""
        return _read(read_siret, self.cleaned_data["siret"])

    def clean_vat_number(self) -> str:
        """Check the country and the key."""
        return _read(read_vat_number, self.cleaned_data["vat_number"])

    def clean_iban(self) -> str:
        """Check country, length and key."""
        message = _("Cet IBAN n’existe pas\u00a0: vérifiez chaque caractère.")
        return _validated(iban_number.validate, self.cleaned_data["iban"], message)

    def clean_bic(self) -> str:
        """Check the shape."""
        message = _("Un BIC a huit ou onze caractères.")
        return _validated(bic_number.validate, self.cleaned_data["bic"], message)

    def clean_ics(self) -> str:
        """Check the key."""
        message = _("Cet identifiant n’existe pas\u00a0: vérifiez chaque caractère.")
        return _validated(creditor_identifier.validate, self.cleaned_data["ics"], message)

    def clean_penalty_rate(self) -> Decimal:
        """Refuse a rate of nothing: the law wants one."""
        rate: Decimal = self.cleaned_data["penalty_rate"]
        if rate <= 0:
            raise ValidationError(_("Le taux est positif."))
        return rate

    def clean(self) -> dict[str, Any]:
        """Check the numbers against one another, and that the normal regime has a VAT number."""
        data = super().clean() or self.cleaned_data
        if not {"siren", "siret", "vat_number"} <= data.keys():
            return data
        siren, siret, vat_number = data["siren"], data["siret"], data["vat_number"]
        if data.get("vat_regime") == SellerRegime.NORMAL.value and not vat_number:
            self.add_error("vat_number", _("Le régime normal demande un numéro de TVA."))
        wrong = contradictions(
            territory=Territory.METROPOLE, siren=siren, siret=siret, vat_number=vat_number
        )
        for reason in wrong:
            self.add_error(None, str(MESSAGES[reason]))
        return data

    @property
    def values(self) -> dict[str, Any]:
        """Return the columns of the profile, without its day."""
        return {name: self.cleaned_data[name] for name in self.base_fields if name != "valid_from"}


class RatesForm(WorkForm):
    """The reference rates of a half-year (F-08)."""

    valid_from = DayField(
        label=gettext_lazy("En vigueur le"),
        help_text=gettext_lazy("Le 1er janvier ou le 1er juillet\u00a0: le taux vaut six mois."),
    )
    ecb = RateField(label=gettext_lazy("Taux de refinancement de la BCE, en %"))
    legal = RateField(label=gettext_lazy("Intérêt légal des professionnels, en %"))

    def clean_legal(self) -> Decimal:
        """Refuse a negative rate; that of the ECB has been."""
        rate: Decimal = self.cleaned_data["legal"]
        if rate < 0:
            raise ValidationError(_("Ce taux n’est pas négatif."))
        return rate

    @property
    def rates(self) -> HalfYearRates:
        """Return the rates of a valid form."""
        return HalfYearRates(**self.cleaned_data)


def _read(reader: Callable[[str], str], typed: str) -> str:
    try:
        return reader(typed)
    except IdentityRefused as refusal:
        raise ValidationError(str(MESSAGES[refusal.reason])) from None


def _validated(validate: Callable[[str], Any], typed: str, message: str) -> str:
    text = re.sub(r"\s", "", typed).upper()
    try:
        return str(validate(text)) if text else ""
    except WrongNumber:
        raise ValidationError(message) from None
