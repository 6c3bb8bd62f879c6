"""The forms of the waiting list: the suitable weekdays and the half of the day."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.models import WaitingEntry
from booking.models.waiting import EVERY_DAY
from booking.web.public.forms import DetailsForm

DAYS = (
    ("0", gettext_lazy("Lundi")),
    ("1", gettext_lazy("Mardi")),
    ("2", gettext_lazy("Mercredi")),
    ("3", gettext_lazy("Jeudi")),
    ("4", gettext_lazy("Vendredi")),
    ("5", gettext_lazy("Samedi")),
    ("6", gettext_lazy("Dimanche")),
)
HALVES = (
    ("", gettext_lazy("Matin ou après-midi")),
    (WaitingEntry.Half.MORNING.value, gettext_lazy("Le matin seulement")),
    (WaitingEntry.Half.AFTERNOON.value, gettext_lazy("L'après-midi seulement")),
)


def days_field() -> forms.MultipleChoiceField:
    """Return the boxes of the days; none ticked means any."""
    return forms.MultipleChoiceField(
        label=gettext_lazy("Quels jours ?"),
        required=False,
        choices=DAYS,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Sans choix, tous les jours vous conviennent."),
        error_messages={"invalid_choice": gettext_lazy("Choisissez parmi les jours proposés.")},
    )


def half_field() -> forms.ChoiceField:
    """Return the choice of the half of the day."""
    return forms.ChoiceField(
        label=gettext_lazy("À quel moment ?"),
        required=False,
        choices=HALVES,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": gettext_lazy("Choisissez parmi les moments proposés.")},
    )


def bits_of(days: list[str]) -> int:
    """Return the set of bits of an entry, Monday the lowest."""
    return sum(1 << int(day) for day in set(days)) or EVERY_DAY


def days_of(weekdays: int) -> list[str]:
    """Return the boxes that a set of bits ticks: none when every day suits."""
    if weekdays == EVERY_DAY:
        return []
    return [day for day, _label in DAYS if weekdays & 1 << int(day)]


class WishForm(forms.Form):
    """The suitable times only: for a person whom the practice knows by an appointment."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="w_%s", initial={"half": ""})
        self.fields["days"] = days_field()
        self.fields["half"] = half_field()

    @property
    def weekdays(self) -> int:
        """The days, as an entry keeps them."""
        return bits_of(self.cleaned_data["days"])

    @property
    def half(self) -> str:
        """The half of the day."""
        return str(self.cleaned_data["half"])


class WaitingListForm(DetailsForm):
    """The details form with two more questions: the suitable weekdays and the half of the day."""

    def __init__(self, data: Any = None, **facts: Any) -> None:
        super().__init__(data, **facts)
        self.initial["half"] = ""
        self.fields["email"].help_text = _(
            "Pour recevoir la proposition et le lien pour y répondre."
        )
        self.fields["phone"].help_text = (
            _("Avec un mobile, la proposition arrive par SMS.")
            if facts["sms_enabled"]
            else _("Avec un téléphone seul, c'est le cabinet qui vous appelle.")
        )
        self.fields["days"] = days_field()
        self.fields["half"] = half_field()

    @property
    def weekdays(self) -> int:
        """The days, as an entry keeps them."""
        return bits_of(self.cleaned_data["days"])

    @property
    def half(self) -> str:
        """The half of the day."""
        return str(self.cleaned_data["half"])
