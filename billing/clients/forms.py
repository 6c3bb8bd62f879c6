"""Forms of the clients' staff pages."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.clients import queries
from billing.clients.services import ClientOrder, OrderCorrection
from booking.practice.time_zones import zone_choices
from booking.rules.holidays import TERRITORIES
from tenants.edit_form import EditForm
from tenants.form_fields import LineField, MailboxField, NameField
from tenants.subdomains import UnusableNameError, check_name
from tenants.work_form import WorkForm


class OrderForm(WorkForm):
    """An order: the practice, its subdomain, its owner, and what the client attested (G-03)."""

    practice_name = LineField(label=gettext_lazy("Nom du cabinet"), max_length=80)
    subdomain = LineField(
        label=gettext_lazy("Adresse du site"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    is_name_checked = forms.BooleanField(
        label=gettext_lazy("Ce nom est celui du client, pas d’un confrère ni d’une autorité"),
        error_messages={"required": gettext_lazy("Vérifiez ce nom, puis cochez.")},
    )
    profession = LineField(label=gettext_lazy("Profession"), max_length=40)
    time_zone = forms.ChoiceField(label=gettext_lazy("Heure locale"), choices=zone_choices)
    territory = forms.ChoiceField(
        label=gettext_lazy("Territoire"), choices=list(TERRITORIES.items()), required=False
    )
    owner_name = NameField(label=gettext_lazy("Prénom et nom du titulaire"), max_length=80)
    owner_email = MailboxField(
        label=gettext_lazy("E-mail du titulaire"),
        help_text=gettext_lazy(
            "L’invitation y arrive dès que l’espace est prêt. Aucun mot de passe n’est envoyé."
        ),
    )
    is_professional = forms.BooleanField(
        label=gettext_lazy(
            "Le client atteste agir pour les besoins de son activité professionnelle"
        ),
        error_messages={"required": gettext_lazy("Sans cette attestation, pas d’espace.")},
    )
    is_adult = forms.BooleanField(
        label=gettext_lazy("Le client atteste être majeur"),
        error_messages={"required": gettext_lazy("Sans cette attestation, pas d’espace.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subdomain"].help_text = _(
            "Devant .%(apex)s\u00a0: lettres sans accent, chiffres et tirets."
        ) % {"apex": settings.APEX}

    def clean_subdomain(self) -> str:
        """Refuse a subdomain that is malformed, reserved, misleading or taken (G-02)."""
        reasons = {
            "shape": _(
                "Trois à quarante lettres sans accent, chiffres ou tirets. Exemple\u00a0: maite-exemple."
            ),
            "reserved": _("Ce nom est réservé."),
            "misleading": _("Ce nom se confond avec celui d’une autorité ou d’un autre service."),
        }
        try:
            name = check_name(self.cleaned_data["subdomain"])
        except UnusableNameError as error:
            raise ValidationError(reasons[str(error)]) from None
        if queries.is_host_taken(f"{name}.{settings.APEX}"):
            raise ValidationError(_("Un autre client répond déjà à ce nom."))
        return name

    @property
    def order(self) -> ClientOrder:
        """Return the order of a valid form; the box about the name is not part of it."""
        fields = {
            name: value for name, value in self.cleaned_data.items() if name != "is_name_checked"
        }
        return ClientOrder(**fields)


class OrderCorrectionForm(EditForm):
    """The names of a practice and of its owner, and the owner's address."""

    practice_name = LineField(label=gettext_lazy("Nom du cabinet, au bureau"), max_length=80)
    owner_name = NameField(label=gettext_lazy("Prénom et nom du titulaire"), max_length=80)
    owner_email = MailboxField(
        label=gettext_lazy("E-mail du titulaire"),
        help_text=gettext_lazy(
            "Un nouveau lien y arrive quand vous l’envoyez. Un compte déjà ouvert garde son adresse."
        ),
    )

    @property
    def correction(self) -> OrderCorrection:
        """Return the correction of a valid form."""
        return OrderCorrection(**{name: self.cleaned_data[name] for name in self.base_fields})


class SuspendForm(WorkForm):
    """The reason of a suspension, which the client reads."""

    reason = LineField(
        label=gettext_lazy("Motif, visible par le client"),
        max_length=200,
        help_text=gettext_lazy("Une phrase."),
    )
