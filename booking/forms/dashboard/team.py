"""Inviting somebody, and announcing a replacement."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.forms.dashboard.base import DayField, WorkForm
from booking.models import Practitioner
from booking.services.replacements import Announced
from tenants.accounts.models import Role
from tenants.accounts.services.invitations import Invited


class InviteForm(WorkForm):
    """Whom to invite, as what, between which days."""

    name = forms.CharField(label=gettext_lazy("Prénom et nom"), max_length=120)
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        help_text=gettext_lazy(
            "Un lien y arrive\u00a0; la personne choisit elle-même son mot de passe."
        ),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Rôle"),
        choices=[
            (Role.SECRETARY, Role.SECRETARY.label),
            (Role.PRACTITIONER, Role.PRACTITIONER.label),
            (Role.OWNER, Role.OWNER.label),
        ],
        help_text=gettext_lazy(
            "Secrétariat\u00a0: les rendez-vous, ni réglages ni export. "
            "Praticien\u00a0: son agenda. Titulaire\u00a0: tout."
        ),
    )
    practitioner = forms.ModelChoiceField(
        label=gettext_lazy("Agenda"),
        queryset=Practitioner.objects.none(),
        to_field_name="ref",
        required=False,
        empty_label=gettext_lazy("Tous les agendas"),
        help_text=gettext_lazy("L’agenda du praticien, ou le seul que le secrétariat voit."),
    )
    from_on = DayField(label=gettext_lazy("À partir du"), required=False)
    until_on = DayField(label=gettext_lazy("Jusqu’au"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["practitioner"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # declared above
        field.queryset = Practitioner.objects.filter(is_active=True)

    def clean(self) -> dict[str, Any]:
        """Dates are in order; a practitioner has an agenda."""
        data = super().clean() or {}
        first, last = data.get("from_on"), data.get("until_on")
        if first and last and last < first:
            self.add_error("until_on", _("Cette date vient avant la première."))
        if data.get("role") == Role.PRACTITIONER and not data.get("practitioner"):
            self.add_error("practitioner", _("Choisissez l’agenda de ce praticien."))
        return data

    @property
    def invited(self) -> Invited:
        """Whom to invite, as the service takes it."""
        data = self.cleaned_data
        return Invited(
            email=data["email"],
            role=Role(data["role"]),
            name=data["name"],
            from_on=data["from_on"],
            until_on=data["until_on"],
            practitioner_ref=data["practitioner"].ref if data["practitioner"] else None,
        )


class ReplacementForm(WorkForm):
    """Who replaces whom, from when to when (B-15)."""

    practitioner = forms.ModelChoiceField(
        label=gettext_lazy("Praticien remplacé"),
        queryset=Practitioner.objects.none(),
        to_field_name="ref",
        empty_label=None,
    )
    substitute_name = forms.CharField(
        label=gettext_lazy("Nom du remplaçant"),
        max_length=80,
        help_text=gettext_lazy(
            "Affiché aux personnes avant qu’elles confirment, et dans leurs messages."
        ),
    )
    from_on = DayField(label=gettext_lazy("Du"))
    to_on = DayField(label=gettext_lazy("Au"))
    email = forms.EmailField(
        label=gettext_lazy("E-mail du remplaçant"),
        required=False,
        help_text=gettext_lazy("Pour lui ouvrir l’agenda pendant ces jours, et seulement eux."),
    )

    def __init__(self, *args: Any, practitioners: Sequence[Practitioner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["practitioner"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # declared above
        field.queryset = Practitioner.objects.filter(pk__in=[one.pk for one in practitioners])

    def clean(self) -> dict[str, Any]:
        """Dates are in order."""
        data = super().clean() or {}
        first, last = data.get("from_on"), data.get("to_on")
        if first and last and last < first:
            self.add_error("to_on", _("Cette date vient avant la première."))
        return data

    @property
    def announced(self) -> Announced:
        """The replacement, as the service takes it."""
        data = self.cleaned_data
        return Announced(
            practitioner=data["practitioner"],
            substitute_name=data["substitute_name"],
            from_on=data["from_on"],
            to_on=data["to_on"],
            email=data["email"],
        )


class PractitionerForm(WorkForm):
    """An agenda: the name that patients see."""

    name = forms.CharField(label=gettext_lazy("Nom affiché"), max_length=80)
    title = forms.CharField(label=gettext_lazy("Titre"), max_length=60, required=False)
