"""Putting somebody on the waiting list by hand: a name, how to reach them, what for and when they can."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.forms.dashboard.appointment import read_contact, split_name
from booking.forms.dashboard.base import WorkForm
from booking.forms.waiting import bits_of, days_field, half_field
from booking.models import AppointmentType, Location, Practitioner
from booking.persons import Person
from booking.regions import region_of
from booking.services.waiting import Wish


class WaitForm(WorkForm):
    """One field for the name, one for a phone or an e-mail, as booking by hand has them."""

    name = forms.CharField(
        label=gettext_lazy("Prénom et nom"),
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Indiquez qui attend.")},
    )
    contact = forms.CharField(
        label=gettext_lazy("Téléphone ou e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "Avec un e-mail, la proposition part toute seule. Avec un téléphone, c’est vous qui appelez."
        ),
        error_messages={
            "required": gettext_lazy("Sans l’un des deux, personne ne peut être prévenu.")
        },
    )
    motif = forms.ModelChoiceField(
        label=gettext_lazy("Motif"), queryset=AppointmentType.objects.none(), to_field_name="ref"
    )
    practitioner = forms.ModelChoiceField(
        label=gettext_lazy("Praticien"),
        queryset=Practitioner.objects.none(),
        to_field_name="ref",
        required=False,
        empty_label=gettext_lazy("N’importe lequel"),
    )
    place = forms.ModelChoiceField(
        label=gettext_lazy("Lieu"), queryset=Location.objects.none(), to_field_name="ref"
    )
    form_ref = forms.UUIDField(widget=forms.HiddenInput)

    field_order = ["name", "contact", "motif", "practitioner", "place", "days", "half"]

    def __init__(self, *args: Any, practitioners: Sequence[Practitioner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("form_ref", uuid.uuid4())
        self.initial.setdefault("half", "")
        self.fields["days"] = days_field()
        self.fields["half"] = half_field()
        keys = [one.pk for one in practitioners]
        motifs = AppointmentType.objects.filter(is_active=True, practitioners__in=keys).distinct()
        self._offer("motif", motifs)
        self._offer("practitioner", Practitioner.objects.filter(pk__in=keys))
        self._offer("place", Location.objects.filter(is_active=True))

    def _offer(self, name: str, queryset: Any) -> None:
        """Offer the rows; a single one is chosen beforehand and not asked."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # declared above
        field.queryset = queryset
        rows = list(queryset[:2])
        if len(rows) == 1:
            field.widget = forms.HiddenInput()
            self.initial[name] = rows[0].ref

    def clean(self) -> dict[str, Any]:
        """Check that this motif is given there by this practitioner; read the contact."""
        data = super().clean() or {}
        motif, who, place = (data.get(name) for name in ("motif", "practitioner", "place"))
        if motif and who and not motif.practitioners.filter(pk=who.pk).exists():
            self.add_error("motif", _("Ce praticien ne reçoit pas pour ce motif."))
        if motif and place and not motif.locations.filter(pk=place.pk).exists():
            self.add_error("place", _("Ce motif ne se fait pas dans ce lieu."))
        region = region_of(place)
        try:
            data["phone"], data["email"] = read_contact(data.get("contact", ""), region=region)
        except ValidationError as error:
            self.add_error("contact", error)
        return data

    @property
    def person(self) -> Person:
        """Who waits."""
        first, last = split_name(self.cleaned_data["name"])
        return Person(
            first_name=first,
            last_name=last,
            phone=self.cleaned_data["phone"],
            email=self.cleaned_data["email"],
        )

    @property
    def wish(self) -> Wish:
        """What they wait for."""
        data = self.cleaned_data
        return Wish(
            data["motif"],
            data["place"],
            data["practitioner"],
            bits_of(data["days"]),
            str(data["half"]),
        )
