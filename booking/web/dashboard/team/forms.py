"""The forms of the team: an invitation, a role, a replacement."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.models import Practitioner
from booking.practice.replacements import Announced
from booking.practice.team import assignable_agendas, entrustable_agendas
from booking.scheduling import catalogue
from booking.web.dashboard.form_fields import RowField, offer_rows
from tenants.accounts.models import Role, User
from tenants.accounts.models.membership import LONGEST_REPLACEMENT
from tenants.accounts.services.invitations import Invited
from tenants.accounts.services.memberships import Terms
from tenants.edit_form import EditForm
from tenants.form_fields import DayField, LineField, MailboxField, NameField
from tenants.work_form import WorkForm

ALL, SOME = "tous", "choisis"
"""Which agendas a secretary reaches."""


TOO_LONG = gettext_lazy("Un remplacement dure six mois au plus. Annoncez la suite plus tard.")


def _is_too_long(first: date | None, last: date | None) -> bool:
    return bool(first and last and last - first > LONGEST_REPLACEMENT)


class RoleForm(EditForm):
    """A role, its dates and its agendas: the common fields of an invitation and a change."""

    role = forms.ChoiceField(
        label=gettext_lazy("Rôle"),
        choices=Role.choices,
        help_text=gettext_lazy(
            "Titulaire\u00a0: tout. Praticien\u00a0: son agenda. "
            "Secrétariat\u00a0: les rendez-vous, ni réglages ni export. "
            "Remplaçant\u00a0: l’agenda qu’il tient, entre deux dates."
        ),
    )
    practitioner: "forms.ModelChoiceField[Practitioner]" = forms.ModelChoiceField(
        label=gettext_lazy("Son propre agenda"),
        queryset=None,
        to_field_name="ref",
        required=False,
        empty_label=gettext_lazy("Aucun"),
        help_text=gettext_lazy("Pour un praticien, ou un titulaire qui reçoit."),
    )
    reach = forms.ChoiceField(
        label=gettext_lazy("Agendas du secrétariat"),
        choices=[
            (ALL, gettext_lazy("Tous, aussi ceux qui s’ajouteront")),
            (SOME, gettext_lazy("Seulement ceux cochés ci-dessous")),
        ],
        widget=forms.RadioSelect,
        required=False,
    )
    agendas: "forms.ModelMultipleChoiceField[Practitioner]" = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Agendas confiés"),
        queryset=None,
        to_field_name="ref",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy(
            "Ceux du secrétariat limité, celui que tient un remplaçant, "
            "ou ceux de collègues dont s’occupe aussi un praticien."
        ),
    )
    from_on = DayField(label=gettext_lazy("À partir du"), required=False)
    until_on = DayField(
        label=gettext_lazy("Jusqu’au"),
        required=False,
        help_text=gettext_lazy("Ce jour compris. Vide\u00a0: sans fin."),
    )

    def __init__(self, *args: Any, user: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reach"].initial = ALL
        offer_rows(self, "practitioner", assignable_agendas(user))
        offer_rows(self, "agendas", entrustable_agendas(self.initial.get("agendas", ())))

    def clean(self) -> dict[str, Any]:
        """Dates are in order; each role has the agendas and the dates that it needs."""
        data = super().clean() or {}
        first, last = data.get("from_on"), data.get("until_on")
        if first and last and last < first:
            self.add_error("until_on", _("Cette date vient avant la première."))
        elif data.get("role") == Role.REPLACEMENT and _is_too_long(first, last):
            self.add_error("until_on", TOO_LONG)
        for name, text in self._missing(data):
            if name not in self.errors:
                self.add_error(name, text)
        return data

    def _missing(self, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
        role = data.get("role")
        if role == Role.PRACTITIONER and not data.get("practitioner"):
            yield "practitioner", _("Choisissez l’agenda de ce praticien.")
        if role == Role.SECRETARY and data.get("reach") == SOME and not data.get("agendas"):
            yield "agendas", _("Cochez au moins un agenda.")
        if role == Role.REPLACEMENT:
            if not data.get("agendas"):
                yield "agendas", _("Cochez l’agenda que tient ce remplaçant.")
            for name in ("from_on", "until_on"):
                if not data.get(name):
                    yield name, _("Un remplacement a un premier et un dernier jour.")

    @property
    def terms(self) -> Terms:
        """The role as the service takes it."""
        data = self.cleaned_data
        role = Role(data["role"])
        named = frozenset(practitioner.ref for practitioner in data["agendas"])
        sees_all = role is Role.OWNER or (role is Role.SECRETARY and data["reach"] != SOME)
        return Terms(
            role=role,
            from_on=data["from_on"],
            until_on=data["until_on"],
            entrusted=frozenset() if sees_all else named,
        )

    @property
    def agenda(self) -> Practitioner | None:
        """The person's own agenda, for a role that has one."""
        with_agenda = {Role.OWNER, Role.PRACTITIONER}
        found: Practitioner | None = self.cleaned_data["practitioner"]
        return found if Role(self.cleaned_data["role"]) in with_agenda else None


class InviteForm(RoleForm):
    """The person to invite, with role and dates."""

    name = NameField(label=gettext_lazy("Prénom et nom"), max_length=120)
    email = MailboxField(
        label=gettext_lazy("E-mail"),
        help_text=gettext_lazy(
            "Un lien y arrive\u00a0; la personne choisit elle-même son mot de passe."
        ),
    )

    field_order = ("name", "email")

    @property
    def invited(self) -> Invited:
        """The invitation as the service takes it."""
        terms = self.terms
        return Invited(
            email=self.cleaned_data["email"],
            role=terms.role,
            name=self.cleaned_data["name"],
            from_on=terms.from_on,
            until_on=terms.until_on,
            practitioner_ref=self.agenda.ref if self.agenda else None,
            entrusted=terms.entrusted,
        )


class AgendaAfterForm(WorkForm):
    """What becomes of the agenda of somebody whose access is closed."""

    KEEP, CLOSE, HAND_OVER = "keep", "close", "hand_over"
    agenda = forms.ChoiceField(
        label=gettext_lazy("Que devient son agenda\u00a0?"),
        choices=[
            (
                CLOSE,
                gettext_lazy("Fermé aux nouveaux rendez-vous\u00a0; ceux déjà pris restent prévus"),
            ),
            (
                HAND_OVER,
                gettext_lazy(
                    "Confié à un collègue, aux mêmes heures\u00a0; les personnes sont prévenues"
                ),
            ),
            (KEEP, gettext_lazy("Ouvert comme avant\u00a0: on continue d’y réserver")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choisissez ce que devient cet agenda.")},
    )
    colleague = RowField(
        label=gettext_lazy("Collègue qui reprend ces rendez-vous"),
        required=False,
        empty_label=gettext_lazy("À choisir"),
        help_text=gettext_lazy("Aux heures où ce collègue est déjà pris, ils restent à traiter."),
    )

    def __init__(self, *args: Any, colleagues: Iterable[Practitioner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["colleague"]
        if isinstance(field, RowField):
            field.offer(colleagues)

    def clean(self) -> dict[str, Any]:
        """Require the colleague who takes over."""
        data = super().clean() or {}
        if data.get("agenda") == self.HAND_OVER and not data.get("colleague"):
            self.add_error("colleague", _("Choisissez le collègue qui reprend ces rendez-vous."))
        return data


class ReplacementForm(WorkForm):
    """A substitute, the replaced practitioner and the dates (B-15)."""

    practitioner: "forms.ModelChoiceField[Practitioner]" = forms.ModelChoiceField(
        label=gettext_lazy("Praticien remplacé"),
        queryset=None,
        to_field_name="ref",
        empty_label=None,
    )
    substitute_name = NameField(
        label=gettext_lazy("Nom du remplaçant"),
        max_length=80,
        help_text=gettext_lazy(
            "Affiché aux personnes avant qu’elles confirment, et dans leurs messages."
        ),
    )
    from_on = DayField(label=gettext_lazy("Du"))
    to_on = DayField(label=gettext_lazy("Au"))
    email = MailboxField(
        label=gettext_lazy("E-mail du remplaçant"),
        required=False,
        help_text=gettext_lazy("Pour lui ouvrir l’agenda pendant ces jours, et seulement eux."),
    )

    def __init__(self, *args: Any, practitioners: Sequence[Practitioner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = [practitioner.pk for practitioner in practitioners]
        offer_rows(self, "practitioner", catalogue.practitioners_with_keys(keys))

    def clean(self) -> dict[str, Any]:
        """Dates are in order."""
        data = super().clean() or {}
        first, last = data.get("from_on"), data.get("to_on")
        if first and last and last < first:
            self.add_error("to_on", _("Cette date vient avant la première."))
        elif _is_too_long(first, last):
            self.add_error("to_on", TOO_LONG)
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


class PractitionerForm(EditForm):
    """An agenda: the name that patients see."""

    name = LineField(label=gettext_lazy("Nom affiché"), max_length=80)
    title = LineField(label=gettext_lazy("Titre"), max_length=60, required=False)
