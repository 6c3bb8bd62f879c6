"""The fields about a person that the forms of patients and of staff share: the relative, the published questions.

Patients answer the questions of the chosen location. Staff may leave each of them empty, because they often book
while the person is on the telephone, and correct them afterwards.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.models import ExtraField, Location
from booking.patients.form_versions import questions_of
from booking.rules.persons import Person, is_denied
from booking.scheduling.catalogue import published_fields
from tenants.form_fields import AnswerField, NameField

EXTRA_PREFIX = "extra_"
RELATIVE = "other_first_name"
"""The field with the first name of the person who is expected, when another one books (B-05)."""
LONGEST_NAME = 80
PERSON_COLUMNS: Mapping[str, str] = {
    "first_name": "first_name",
    "last_name": "last_name",
    "phone": "phone",
    "email": "email",
    RELATIVE: "relative",
}
"""The field of the person for each field of a form that corrects it, besides the answers."""
_POSTCODE = re.compile(r"\b\d{5}\b")


def extra_name(extra_field: ExtraField) -> str:
    """Return the name of an extra field in the form: its key cannot hide one of B-01."""
    return f"{EXTRA_PREFIX}{extra_field.key}"


def asked_at(extra_fields: Iterable[ExtraField], kinds: Collection[str]) -> list[ExtraField]:
    """Return the questions that are asked for locations of these kinds, none that B-03 denies."""
    return [
        extra_field
        for extra_field in extra_fields
        if extra_field.place_kind in {"", *kinds}
        and not is_denied(extra_field.label, extra_field.key)
    ]


def questions_about(location: Location, answers: Mapping[str, str]) -> list[ExtraField]:
    """Return the questions of the published form for a location, and those answered on an older one."""
    asked = asked_at(published_fields(), {location.kind})
    return [*asked, *questions_of(set(answers) - {field.key for field in asked})]


def stored_values(person: Person) -> dict[str, str]:
    """Return the present values of a person by the names of the fields of a form that corrects them."""
    named = {name: str(getattr(person, column)) for name, column in PERSON_COLUMNS.items()}
    return named | {f"{EXTRA_PREFIX}{key}": answer for key, answer in person.extras.items()}


def question_field(extra_field: ExtraField, *, is_required: bool, present: str = "") -> forms.Field:
    """Return the field of one question, with why it is asked as its help.

    ``present`` is the stored answer: it stays choosable after the question was published with other answers.
    """
    why = _("Pourquoi : %(purpose)s.") % {"purpose": extra_field.purpose.rstrip(".")}
    common: dict[str, Any] = {
        "label": extra_field.label,
        "required": is_required,
        "help_text": why,
        "error_messages": {
            "required": _("Répondez à cette question."),
            "invalid_choice": _("Choisissez une des réponses."),
            "max_length": _("Écrivez une réponse plus courte."),
        },
    }
    if extra_field.kind in {ExtraField.FieldKind.CHOICE, ExtraField.FieldKind.YES_NO}:
        answers = (
            list(extra_field.choices)
            if extra_field.kind == ExtraField.FieldKind.CHOICE
            else [_("Oui"), _("Non")]
        )
        if present and present not in answers:
            answers.append(present)
        return forms.ChoiceField(
            choices=[("", _("Choisissez")), *((answer, answer) for answer in answers)], **common
        )
    is_address = extra_field.kind == ExtraField.FieldKind.ADDRESS
    widget = forms.TextInput(attrs={"autocomplete": "street-address" if is_address else "off"})
    return AnswerField(max_length=200 if is_address else 80, widget=widget, **common)


def postcode_of(address: str) -> str:
    """Return the last postcode of a typed address, or ""."""
    found: list[str] = _POSTCODE.findall(address)
    return found[-1] if found else ""


class StaffAnswers:
    """The part of a form of the dashboard with the relative and the published questions; all may stay empty."""

    fields: dict[str, forms.Field]
    cleaned_data: dict[str, Any]
    extra_fields: list[ExtraField]

    def add_questions_of(self, locations: Iterable[Location]) -> None:
        """Add the fields of the published questions for these locations: one query."""
        kinds = {location.kind for location in locations}
        self.add_questions(asked_at(published_fields(), kinds))
        for extra_field in self.extra_fields:
            if extra_field.place_kind and len(kinds) > 1:
                field = self.fields[extra_name(extra_field)]
                only_at = ONLY_AT[Location.LocationKind(extra_field.place_kind)]
                field.help_text = f"{only_at} {field.help_text}"

    def add_questions(
        self, extra_fields: Iterable[ExtraField], *, present: Mapping[str, str] | None = None
    ) -> None:
        """Add the fields of these questions; ``present`` holds the stored answers by key."""
        self.extra_fields = list(extra_fields)
        for extra_field in self.extra_fields:
            stored = (present or {}).get(extra_field.key, "")
            field = question_field(extra_field, is_required=False, present=stored)
            # The browser of the practice must not offer the address of the practice.
            field.widget.attrs["autocomplete"] = "off"
            self.fields[extra_name(extra_field)] = field
        self.fields[RELATIVE] = NameField(
            label=_("Pour une autre personne : son prénom"),
            required=False,
            max_length=LONGEST_NAME,
            help_text=_(
                "Quand un parent appelle pour son enfant, par exemple. "
                "Les messages vont à la personne qui appelle."
            ),
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )

    @property
    def answer_names(self) -> list[str]:
        """The names of the added fields, in order."""
        return [*map(extra_name, self.extra_fields), RELATIVE]

    def answers_at(self, location: Location) -> dict[str, str]:
        """Return the typed answers by key, without those to questions of another kind of location."""
        return {
            extra_field.key: str(self.cleaned_data[extra_name(extra_field)])
            for extra_field in asked_at(self.extra_fields, {location.kind})
            if self.cleaned_data.get(extra_name(extra_field))
        }


ONLY_AT: Mapping[Location.LocationKind, Any] = {
    Location.LocationKind.OFFICE: gettext_lazy("Au cabinet seulement."),
    Location.LocationKind.HOME: gettext_lazy("Pour une visite à domicile seulement."),
    Location.LocationKind.VIDEO: gettext_lazy("En visioconférence seulement."),
}
"""The sentence of a question that is asked for one kind of location, where a form offers several."""
