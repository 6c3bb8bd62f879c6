"""The questions of the first day: what the order already said stands in the fields."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.beginnings import BEGINNINGS, MotifTemplate, by_key
from booking.denied_fields import is_denied
from booking.forms.dashboard.base import WorkForm
from booking.forms.dashboard.settings import NOT_NEUTRAL, PlaceForm


class ProfessionForm(WorkForm):
    """Which beginning to take, and how the profession is written on the page."""

    start = forms.ChoiceField(
        label=gettext_lazy("Partir du modèle"),
        choices=[(one.key, one.label) for one in BEGINNINGS],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choisissez le modèle le plus proche.")},
    )
    profession = forms.CharField(
        label=gettext_lazy("Profession affichée"),
        max_length=60,
        help_text=gettext_lazy("Telle que vos patients la lisent, au masculin ou au féminin."),
    )

    @property
    def values(self) -> dict[str, Any]:
        """What the practice keeps of it."""
        chosen = by_key(self.cleaned_data["start"])
        kind = chosen.kind if chosen else ""
        return {"profession": self.cleaned_data["profession"], "kind": kind}


class FirstPlaceForm(PlaceForm):
    """The first place; what the order said of its hour and territory is folded away."""

    SHOWN = ("kind", "name", "street", "postcode", "town", "served_postcodes")

    @property
    def shown(self) -> list[forms.BoundField]:
        """What must be typed."""
        return [self[name] for name in self.SHOWN]

    @property
    def folded(self) -> list[forms.BoundField]:
        """What is known already, or can wait."""
        return [field for field in self if field.name not in self.SHOWN]


@dataclass(frozen=True)
class MotifRow:
    """One line of the list of templates."""

    chosen: forms.BoundField
    label: forms.BoundField
    minutes: forms.BoundField
    template: MotifTemplate


class MotifTemplatesForm(WorkForm):
    """Ready motifs: tick, correct the name and the length, save."""

    def __init__(
        self, *args: Any, templates: Sequence[MotifTemplate], is_first: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.templates = templates
        for number, one in enumerate(templates):
            self.fields[f"m{number}"] = forms.BooleanField(
                label=str(one.label), required=False, initial=is_first
            )
            self.fields[f"m{number}label"] = forms.CharField(
                label=f"{_('Nom')}, {one.label}", max_length=60, initial=one.label, required=False
            )
            self.fields[f"m{number}min"] = forms.IntegerField(
                label=f"{_('Durée en minutes')}, {one.label}",
                min_value=5,
                max_value=720,
                initial=one.duration_min,
                required=False,
            )

    @property
    def rows(self) -> list[MotifRow]:
        """The list, for the page."""
        return [
            MotifRow(self[f"m{n}"], self[f"m{n}label"], self[f"m{n}min"], template)
            for n, template in enumerate(self.templates)
        ]

    def clean(self) -> dict[str, Any]:
        """At least one is ticked, and what is ticked has a neutral name and a length."""
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
    def chosen(self) -> list[MotifTemplate]:
        """The templates that are ticked, as they were corrected."""
        data = self.cleaned_data
        return [
            replace(one, label=data[f"m{n}label"], duration_min=data[f"m{n}min"])
            for n, one in enumerate(self.templates)
            if data[f"m{n}"]
        ]
