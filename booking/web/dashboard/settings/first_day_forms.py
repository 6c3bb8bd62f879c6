"""The forms of the first day; their initial values come from the order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.models.practice import LEGAL_IDENTITY
from booking.practice.presets import (
    PRESETS,
    AppointmentTypePreset,
    by_key,
)
from booking.rules.persons import is_denied
from booking.web.dashboard.settings.forms import NOT_NEUTRAL, PlaceForm, PracticeForm
from tenants.edit_form import VERSION, EditForm
from tenants.form_fields import LineField
from tenants.work_form import WorkForm


class ProfessionForm(EditForm):
    """The preset to start with, and the profession as the page shows it."""

    start = forms.ChoiceField(
        label=gettext_lazy("Partir du modèle"),
        choices=[(preset.key, preset.label) for preset in PRESETS],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choisissez le modèle le plus proche.")},
    )
    profession = LineField(
        label=gettext_lazy("Profession affichée"),
        max_length=60,
        help_text=gettext_lazy("Telle que vos patients la lisent, au masculin ou au féminin."),
    )

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the practice that the form sets."""
        chosen = by_key(self.cleaned_data["start"])
        kind = chosen.kind if chosen else ""
        return {"profession": self.cleaned_data["profession"], "kind": kind}


class LegalIdentityForm(PracticeForm):
    """What the legal notice must show (C-04): all required, except the SIREN and the rules of the profession."""

    REQUIRED = LEGAL_IDENTITY
    OPTIONAL = ("siren", "vat_number", "professional_rules", "order_name", "mediator")
    ASKED = (*REQUIRED, *OPTIONAL)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in [*self.fields]:
            if name not in {*self.ASKED, VERSION}:
                del self.fields[name]
        for name in self.REQUIRED:
            if name in self.fields:
                self.fields[name].required = True

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that must be typed."""
        return self.group(self.REQUIRED)

    @property
    def folded(self) -> list[forms.BoundField]:
        """The fields that not every practice has."""
        return self.group(self.OPTIONAL)

    @property
    def has_folded_error(self) -> bool:
        """Whether the folded part must be open, because one of its fields is wrong."""
        return any(field.errors for field in self.folded)


class FirstPlaceForm(PlaceForm):
    """The first place; the time zone and territory of the order are in a folded part."""

    SHOWN = ("kind", "name", "street", "postcode", "town", "served_postcodes")

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that must be typed."""
        return [self[name] for name in self.SHOWN]

    @property
    def folded(self) -> list[forms.BoundField]:
        """The fields that are known already or optional."""
        return [field for field in self if field.name not in self.SHOWN]


@dataclass(frozen=True)
class PresetRow:
    """One line of the list of templates."""

    chosen: forms.BoundField
    label: forms.BoundField
    minutes: forms.BoundField
    template: AppointmentTypePreset


class PresetsForm(WorkForm):
    """Ready appointment types: tick, correct the name and the length, save."""

    def __init__(
        self, *args: Any, templates: Sequence[AppointmentTypePreset], is_first: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.templates = templates
        for number, preset in enumerate(templates):
            self.fields[f"m{number}"] = forms.BooleanField(
                label=str(preset.label), required=False, initial=is_first
            )
            self.fields[f"m{number}label"] = LineField(
                label=f"{_('Nom')}, {preset.label}",
                max_length=60,
                initial=preset.label,
                required=False,
            )
            self.fields[f"m{number}min"] = forms.IntegerField(
                label=f"{_('Durée en minutes')}, {preset.label}",
                min_value=5,
                max_value=720,
                initial=preset.duration_min,
                required=False,
            )

    @property
    def rows(self) -> list[PresetRow]:
        """The list, for the page."""
        return [
            PresetRow(self[f"m{n}"], self[f"m{n}label"], self[f"m{n}min"], template)
            for n, template in enumerate(self.templates)
        ]

    def clean(self) -> dict[str, Any]:
        """Require at least one ticked type, with a neutral name and a duration each."""
        data = super().clean() or {}
        ticked = [n for n in range(len(self.templates)) if data.get(f"m{n}")]
        for number in ticked:
            label = data.get(f"m{number}label")
            if not label:
                self.add_error(f"m{number}label", _("Donnez un nom à ce motif."))
            elif is_denied(label):
                self.add_error(f"m{number}label", NOT_NEUTRAL)
            if not data.get(f"m{number}min") and f"m{number}min" not in self.errors:
                self.add_error(f"m{number}min", _("Donnez sa durée en minutes."))
        if not ticked:
            raise ValidationError(_("Cochez au moins un motif."))
        return data

    @property
    def chosen(self) -> list[AppointmentTypePreset]:
        """The templates that are ticked, as they were corrected."""
        data = self.cleaned_data
        return [
            replace(preset, label=data[f"m{n}label"], duration_min=data[f"m{n}min"])
            for n, preset in enumerate(self.templates)
            if data[f"m{n}"]
        ]
