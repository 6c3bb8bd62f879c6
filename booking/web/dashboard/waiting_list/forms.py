"""Adding a person to the waiting list by hand: name, contact, appointment type and times."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from booking.formats.names import split_name
from booking.models import Practitioner
from booking.rules.persons import Person
from booking.scheduling import catalogue
from booking.scheduling.catalogue import region_of
from booking.waiting_list.waiting_entries import Wish
from booking.web.dashboard.appointment.forms import (
    check_row_combination,
    read_contact,
)
from booking.web.dashboard.form_fields import RowField, RowForm
from booking.web.person_fields import RELATIVE, StaffAnswers
from booking.web.public.waiting_forms import (
    bits_of,
    days_field,
    half_field,
)
from tenants.form_fields import LineField, NameField


class WaitForm(StaffAnswers, RowForm):
    """One field for the name, one for a phone or an e-mail, as booking by hand has them."""

    name = NameField(
        label=gettext_lazy("Prénom et nom"),
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Indiquez qui attend.")},
    )
    contact = LineField(
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
    appointment_type = RowField(label=gettext_lazy("Motif"))
    practitioner = RowField(
        label=gettext_lazy("Praticien"),
        required=False,
        empty_label=gettext_lazy("N’importe lequel"),
    )
    place = RowField(label=gettext_lazy("Lieu"))
    form_ref = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        practitioners: Sequence[Practitioner],
        is_alone: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("form_ref", uuid.uuid4())
        self.initial.setdefault("half", "")
        self.fields["days"] = days_field()
        self.fields["half"] = half_field()
        self.offer("appointment_type", catalogue.appointment_types_of_any(practitioners))
        if is_alone:
            # The only practitioner of the practice is not asked, and not written: a later colleague suits too.
            self.fields["practitioner"].widget = forms.HiddenInput()
            self.row_field("practitioner").offer(practitioners)
        else:
            self.offer("practitioner", practitioners)
        self.offer("place", catalogue.active_locations())
        places = self.row_field("place").rows.values()
        self.add_questions_of(places)
        wish = ("appointment_type", "practitioner", "place", "days", "half")
        self.order_fields(["name", "contact", *wish, *self.answer_names])

    def clean(self) -> dict[str, Any]:
        """Check that this appointment type is given there by this practitioner; read the contact."""
        data = super().clean() or {}
        appointment_type, practitioner, place = (
            data.get(name) for name in ("appointment_type", "practitioner", "place")
        )
        if appointment_type:
            check_row_combination(self, appointment_type, practitioner, place)
        region = region_of(place)
        try:
            data["phone"], data["email"] = read_contact(data.get("contact", ""), region=region)
        except ValidationError as error:
            self.add_error("contact", error)
        return data

    @property
    def person(self) -> Person:
        """The person to add."""
        first, last = split_name(self.cleaned_data["name"])
        return Person(
            first_name=first,
            last_name=last,
            phone=self.cleaned_data["phone"],
            email=self.cleaned_data["email"],
            relative=self.cleaned_data[RELATIVE],
            extras=self.answers_at(self.cleaned_data["place"]),
        )

    @property
    def wish(self) -> Wish:
        """The requested appointment type, place, practitioner and times."""
        data = self.cleaned_data
        return Wish(
            data["appointment_type"],
            data["place"],
            data["practitioner"],
            bits_of(data["days"]),
            str(data["half"]),
        )
