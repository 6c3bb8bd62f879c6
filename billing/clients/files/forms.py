"""Forms of a client's file: identity and addresses, confirmation of the territory."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.clients.files.countries import COUNTRIES
from billing.clients.files.services import ClientIdentity
from billing.clients.files.territory_texts import LEGAL_FORMS, TERRITORIES, choices_of
from billing.clients.identity import (
    IdentityReason,
    IdentityRefused,
    LegalForm,
    contradictions,
    read_siren,
    read_siret,
    read_vat_number,
)
from billing.clients.identity_texts import MESSAGES
from billing.glyphs import undrawable
from billing.parties import Address
from billing.territories import Territory, UnknownPostcode, territory_of
from booking.formats.french import ForeignPhoneError, UnreadablePhoneError, read_phone
from tenants.edit_form import EditForm
from tenants.form_fields import LineField, MailboxField

ADDRESS = ("street", "building", "postcode", "town", "country")
BLOCKING = {
    IdentityReason.SIRET_OF_ANOTHER: "siret",
    IdentityReason.VAT_OF_ANOTHER: "vat_number",
}
"""Contradictions that refuse the form, and their field; the file shows the others, which refuse an invoice."""
YES, NO = "yes", "no"
HEADCOUNT = {"": None, YES: True, NO: False}


class DocumentLineField(LineField):
    """A text that documents will show: a character that they cannot draw is refused."""

    def clean(self, value: Any) -> str:
        """Return the text; raise ValidationError with the characters that no document can draw."""
        text = str(super().clean(value) or "")
        if wrong := undrawable(text):
            raise ValidationError(
                _("Ces signes ne peuvent pas figurer sur une facture\u00a0: %(signs)s")
                % {"signs": " ".join(wrong)},
                code="undrawable",
            )
        return text


def _country() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=gettext_lazy("Pays"), choices=list(COUNTRIES.items()), initial="FR"
    )


class ClientIdentityForm(EditForm):
    """The legal identity, the contact and the addresses of a client (G-04)."""

    legal_form = forms.ChoiceField(
        label=gettext_lazy("Forme juridique"),
        choices=[("", gettext_lazy("Choisissez")), *((f.value, t) for f, t in LEGAL_FORMS.items())],
    )
    legal_name = DocumentLineField(
        label=gettext_lazy("Raison sociale, ou prénom et nom"),
        max_length=110,
        help_text=gettext_lazy(
            "Les documents ajoutent «\u00a0EI\u00a0» pour une entreprise individuelle."
        ),
    )
    trade_name = DocumentLineField(
        label=gettext_lazy("Nom commercial"), max_length=120, required=False
    )
    siren = LineField(
        label=gettext_lazy("SIREN"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=gettext_lazy("Neuf chiffres. Sans lui, pas de facture."),
    )
    siret = LineField(
        label=gettext_lazy("SIRET de l’établissement"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=gettext_lazy("Quatorze chiffres\u00a0: le SIREN, puis cinq autres."),
    )
    vat_number = LineField(
        label=gettext_lazy("Numéro de TVA"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Vide si le client n’en a pas\u00a0: c’est le cas le plus courant."),
    )
    headcount = forms.ChoiceField(
        label=gettext_lazy("Salariés"),
        choices=[
            ("", gettext_lazy("Pas encore demandé")),
            (YES, gettext_lazy("Cinq au plus, attesté par le client")),
            (NO, gettext_lazy("Plus de cinq")),
        ],
        required=False,
        help_text=gettext_lazy(
            "Jusqu’à cinq salariés, un contrat signé au cabinet peut ouvrir un droit de rétractation."
        ),
    )
    email = MailboxField(label=gettext_lazy("E-mail"), required=False)
    phone = LineField(
        label=gettext_lazy("Téléphone"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    street = DocumentLineField(label=gettext_lazy("Numéro et rue"), max_length=120)
    building = DocumentLineField(
        label=gettext_lazy("Bâtiment, étage, lieu-dit"), max_length=120, required=False
    )
    postcode = DocumentLineField(label=gettext_lazy("Code postal"), max_length=12)
    town = DocumentLineField(label=gettext_lazy("Commune"), max_length=80)
    country = _country()
    billing_street = DocumentLineField(
        label=gettext_lazy("Numéro et rue"), max_length=120, required=False
    )
    billing_building = DocumentLineField(
        label=gettext_lazy("Bâtiment, étage, lieu-dit"), max_length=120, required=False
    )
    billing_postcode = DocumentLineField(
        label=gettext_lazy("Code postal"), max_length=12, required=False
    )
    billing_town = DocumentLineField(label=gettext_lazy("Commune"), max_length=80, required=False)
    billing_country = _country()

    def clean_siren(self) -> str:
        """Check the nine digits and their key."""
        return _read(read_siren, self.cleaned_data["siren"])

    def clean_siret(self) -> str:
        """Check the fourteen digits and their key."""
        return _read(read_siret, self.cleaned_data["siret"])

    def clean_vat_number(self) -> str:
        """Check the number as its country does."""
        return _read(read_vat_number, self.cleaned_data["vat_number"])

    def clean(self) -> dict[str, Any]:
        """Check the values against one another."""
        data: dict[str, Any] = super().clean() or {}
        data.setdefault("country", "FR")
        territory = self._read_postcode()
        if data.get("siret") and not data.get("siren") and "siren" not in self.errors:
            data["siren"] = data["siret"][:9]
        self._check_numbers(territory)
        self._check_billing_address()
        self._read_phone(territory)
        return data

    def _read_postcode(self) -> Territory:
        data = self.cleaned_data
        try:
            return territory_of(data["country"], _compact(data, "postcode"))
        except UnknownPostcode:
            if "postcode" in data:
                self.add_error("postcode", _POSTCODE)
            return Territory.METROPOLE

    def _check_numbers(self, territory: Territory) -> None:
        data = self.cleaned_data
        wrong = contradictions(
            territory=territory,
            siren=data.get("siren", ""),
            siret=data.get("siret", ""),
            vat_number=data.get("vat_number", ""),
        )
        for reason in wrong:
            if field := BLOCKING.get(reason):
                self.add_error(field, str(MESSAGES[reason]))

    def _check_billing_address(self) -> None:
        """Either nothing is typed, or an address that a letter reaches."""
        data = self.cleaned_data
        typed = [f"billing_{name}" for name in ADDRESS if name != "country"]
        if not any(data.get(name) for name in typed):
            return
        for name in typed:
            if name != "billing_building" and name not in self.errors and not data.get(name):
                self.add_error(name, _("Complétez cette adresse, ou videz-la."))
        if data.get("billing_country") == "FR" and data.get("billing_postcode"):
            postcode = _compact(data, "billing_postcode")
            if len(postcode) != 5 or not (postcode.isascii() and postcode.isdigit()):
                self.add_error("billing_postcode", _POSTCODE)

    def _read_phone(self, territory: Territory) -> None:
        data = self.cleaned_data
        if not data.get("phone"):
            return
        region = territory.value if data["country"] == "FR" else data["country"]
        try:
            data["phone"] = read_phone(data["phone"], region=region)
        except (ForeignPhoneError, UnreadablePhoneError):
            self.add_error(
                "phone",
                _(
                    "Ce numéro ne semble pas valide. Exemple\u00a0: 05\u00a036\u00a049\u00a000\u00a012."
                ),
            )

    @property
    def identity(self) -> ClientIdentity:
        """Return the identity of a valid form."""
        data = self.cleaned_data
        names = ("legal_name", "trade_name", "siren", "siret", "vat_number", "phone", "email")
        return ClientIdentity(
            legal_form=LegalForm(data["legal_form"]),
            headcount_at_most_five=HEADCOUNT[data["headcount"]],
            establishment=_address_of(data, ""),
            billing=_address_of(data, "billing_") if data["billing_street"] else None,
            **{name: data[name] for name in names},
        )

    @property
    def groups(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The sections of the page: heading, what it says, fields."""
        own = [name for name in self.base_fields if not name.startswith("billing_")]
        names = [name for name in own if name not in ADDRESS]
        return [
            (_("Identité et contact"), "", [self[name] for name in names]),
            (
                _("Adresse de l’établissement"),
                _("Elle décide de la TVA."),
                [self[name] for name in ADDRESS],
            ),
            (
                _("Adresse de facturation"),
                _("À remplir seulement si elle est différente."),
                [self[f"billing_{name}"] for name in ADDRESS],
            ),
        ]


class TerritoryForm(EditForm):
    """Where the client is established for VAT, confirmed by staff (F-12)."""

    territory = forms.ChoiceField(
        label=gettext_lazy("Territoire"), choices=lambda: choices_of(TERRITORIES)
    )
    is_unlike_address = forms.BooleanField(
        label=gettext_lazy("L’adresse indique un autre territoire, et je l’ai vérifié"),
        required=False,
    )

    def __init__(self, *args: Any, suggestion: Territory | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggestion = suggestion

    def clean(self) -> dict[str, Any]:
        """Ask for a second look where the address says something else."""
        data: dict[str, Any] = super().clean() or {}
        is_unlike = self.suggestion and data.get("territory") not in {None, self.suggestion.value}
        if self.suggestion and is_unlike and not data.get("is_unlike_address"):
            self.add_error(
                "is_unlike_address",
                _("L’adresse indique %(territory)s\u00a0: vérifiez, puis cochez.")
                % {"territory": TERRITORIES[self.suggestion]},
            )
        return data


_POSTCODE = gettext_lazy("Ce code postal n’existe pas en France\u00a0: il a cinq chiffres.")


def _read(reader: Callable[[str], str], typed: str) -> str:
    try:
        return reader(typed)
    except IdentityRefused as refused:
        raise ValidationError(str(MESSAGES[refused.reason]), code=refused.reason.value) from None


def _compact(data: Mapping[str, Any], name: str) -> str:
    return str(data.get(name, "")).replace(" ", "")


def _address_of(data: Mapping[str, Any], prefix: str) -> Address:
    country = data[f"{prefix}country"]
    postcode = data[f"{prefix}postcode"]
    return Address(
        street=data[f"{prefix}street"],
        building=data[f"{prefix}building"],
        postcode=_compact(data, f"{prefix}postcode") if country in {"FR", "MC"} else postcode,
        town=data[f"{prefix}town"],
        country=country,
    )
