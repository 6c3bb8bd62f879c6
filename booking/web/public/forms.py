"""The forms of patients: lenient reading, errors with an example, typed values kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.validators import validate_email
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.formats import french
from booking.models import ExtraField, Location
from booking.models.appointment import LATE_MINUTES
from booking.rules.mail_domains import likely_address
from booking.rules.persons import Person
from booking.web.person_fields import (
    LONGEST_NAME,
    RELATIVE,
    asked_at,
    extra_name,
    postcode_of,
    question_field,
)
from tenants.edit_form import EditForm
from tenants.form_fields import LineField, NameField

HONEYPOT = "site_web"


class _Name(NameField):
    """A name of the person who books, with the words of the page."""

    def __init__(self, *, label: str, missing: str, autocomplete: str, help_text: str) -> None:
        super().__init__(
            label=label,
            max_length=80,
            help_text=help_text,
            error_messages={
                "required": missing,
                "max_length": gettext_lazy("Écrivez 80 caractères au plus."),
            },
            widget=forms.TextInput(attrs={"autocomplete": autocomplete}),
        )


class PhoneField(LineField):
    """A number read in the practice's territory, stored in E.164 (B-07)."""

    def __init__(self, *, region: str = "FR", **kwargs: Any) -> None:
        self.region = region
        widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"})
        super().__init__(max_length=40, required=False, widget=widget, **kwargs)
        self.error_messages["max_length"] = _unreadable_phone()

    def clean(self, value: Any) -> str:
        """Return E.164, or an empty string."""
        typed = str(super().clean(value) or "")
        if not typed:
            return ""
        try:
            return french.read_phone(typed, region=self.region)
        except french.ForeignPhoneError as error:
            raise forms.ValidationError(_foreign_phone()) from error
        except french.UnreadablePhoneError as error:
            raise forms.ValidationError(_unreadable_phone()) from error


class EmailInput(forms.TextInput):
    """The input of an address; after a likely typing error with a button that takes the other spelling.

    The empty hidden button is the one that the Enter key presses: it sends the form as it was typed.
    """

    likely = ""

    def render(self, name: str, value: Any, *args: Any, **kwargs: Any) -> SafeString:
        """Render the input, then the question's button."""
        drawn = super().render(name, value, *args, **kwargs)
        if not self.likely:
            return drawn
        return format_html(
            '{}<input type="hidden" name="email_as_typed" value="{}"><button hidden tabindex="-1"></button>'
            '<button class="btn" name="email_suggested" value="{}">{}</button>',
            drawn,
            str(value or "").strip(),
            self.likely,
            _("Oui, %(address)s") % {"address": self.likely},
        )


class EmailField(LineField):
    """An e-mail address; an invalid one is refused with an example."""

    def __init__(self, **kwargs: Any) -> None:
        widget = EmailInput(
            attrs={
                "type": "email",
                "autocomplete": "email",
                "inputmode": "email",
                "spellcheck": "false",
            }
        )
        super().__init__(max_length=254, required=False, widget=widget, **kwargs)
        self.error_messages["max_length"] = _unreadable_email()

    def clean(self, value: Any) -> str:
        """Return the address as typed, without the spaces a keyboard adds around it."""
        typed = str(super().clean(value) or "")
        if not typed:
            return ""
        try:
            validate_email(typed)
        except forms.ValidationError as error:
            raise forms.ValidationError(_unreadable_email()) from error
        return typed


class AsksAboutEmail(forms.Form):
    """Asks once about an address with a likely typing error, as "gmial.com"; the same form again is accepted.

    ``email_suggested`` takes the proposed address, ``email_as_typed`` is the one that was asked about.
    """

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(_with_chosen_address(data), **kwargs)

    def clean_email(self) -> str:
        """Ask when another address was probably meant."""
        typed = str(self.cleaned_data["email"])
        likely = likely_address(typed)
        widget = self.fields["email"].widget
        if (
            not likely
            or self.data.get("email_as_typed") == typed
            or not isinstance(widget, EmailInput)
        ):
            return typed
        widget.likely = likely
        raise forms.ValidationError(
            _(
                "Vouliez-vous dire %(address)s ? Sinon, envoyez de nouveau : votre adresse est gardée."
            )
            % {"address": likely}
        )


def _with_chosen_address(data: Any) -> Any:
    """Return the data with the proposed address when its button was pressed; no other value is taken."""
    if not data or "email_suggested" not in data:
        return data
    suggested = str(data["email_suggested"])
    if not suggested or suggested != likely_address(str(data.get("email", ""))):
        return data
    chosen = data.copy()
    chosen["email"] = suggested
    return chosen


class ChecksServedArea(forms.Form):
    """Refuses the address of a home visit outside the served postcodes (B-14)."""

    location: Location
    extra_fields: list[ExtraField]
    practice_phone: str

    def _check_served_area(self) -> None:
        served = self.location.served_postcodes
        if self.location.kind != Location.LocationKind.HOME or not served:
            return
        for extra_field in self.extra_fields:
            if extra_field.kind != ExtraField.FieldKind.ADDRESS:
                continue
            found = postcode_of(str(self.cleaned_data.get(extra_name(extra_field), "")))
            if not found:
                self._refuse(extra_field, _("Ajoutez le code postal. Exemple : 64210 Bidart."))
            elif found not in served:
                self._refuse(extra_field, self._not_served(served))

    def _not_served(self, served: Iterable[str]) -> str:
        """Return the area of home visits, and the phone number for other addresses (B-14)."""
        where = _("Les visites à domicile se font dans ces communes : %(postcodes)s.") % {
            "postcodes": ", ".join(served)
        }
        if not self.practice_phone:
            return where
        call = _("Pour une autre commune, appelez le %(phone)s.") % {"phone": self.practice_phone}
        return f"{where} {call}"

    def _refuse(self, extra_field: ExtraField, message: str) -> None:
        if extra_name(extra_field) not in self.errors:
            self.add_error(extra_name(extra_field), message)


class DetailsForm(AsksAboutEmail, ChecksServedArea):
    """B-01: last name, first name, phone, e-mail, and nothing else but the published extra fields."""

    def __init__(
        self,
        data: Any = None,
        *,
        region: str,
        sms_enabled: bool,
        location: Location,
        extra_fields: Iterable[ExtraField] = (),
        practice_phone: str = "",
    ) -> None:
        super().__init__(data, auto_id="id_%s")
        self.location = location
        self.practice_phone = practice_phone
        self.extra_fields = asked_at(extra_fields, {location.kind})
        self.fields["first_name"] = _Name(
            label=_("Prénom"),
            missing=_("Indiquez votre prénom."),
            autocomplete="given-name",
            help_text=_("Pour vous saluer dans les messages."),
        )
        self.fields["last_name"] = _Name(
            label=_("Nom"),
            missing=_("Indiquez votre nom."),
            autocomplete="family-name",
            help_text=_("Pour vous reconnaître à votre arrivée."),
        )
        self.fields["phone"] = PhoneField(
            region=region, label=_("Téléphone"), help_text=_phone_help(sms_enabled=sms_enabled)
        )
        self.fields["email"] = EmailField(
            label=_("E-mail"), help_text=_("Pour la confirmation, avec votre lien.")
        )
        self.fields["for_other"] = forms.BooleanField(
            required=False,
            label=_("Je prends rendez-vous pour une autre personne"),
            widget=forms.CheckboxInput(attrs={"class": "toggle", "aria-describedby": "pour_qui"}),
        )
        self.fields[RELATIVE] = NameField(
            required=False,
            max_length=LONGEST_NAME,
            label=_("Son prénom"),
            help_text=_(
                "Seulement le prénom, pour savoir qui vient. Les messages vous seront envoyés à vous. "
                "Merci de prévenir cette personne que ses données servent à ce rendez-vous."
            ),
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )
        for extra_field in self.extra_fields:
            self.fields[extra_name(extra_field)] = question_field(
                extra_field, is_required=extra_field.is_mandatory
            )

    @property
    def extras(self) -> list[forms.BoundField]:
        """The extra fields as they are drawn."""
        return [self[extra_name(extra_field)] for extra_field in self.extra_fields]

    @property
    def has_free_question(self) -> bool:
        """Whether a question takes words of one's own, which may say something medical."""
        short_text = ExtraField.FieldKind.SHORT_TEXT
        return any(extra_field.kind == short_text for extra_field in self.extra_fields)

    def clean_other_first_name(self) -> str:
        """Ignore the field when the box is not ticked (B-05)."""
        if not self.cleaned_data.get("for_other"):
            return ""
        name = " ".join(str(self.cleaned_data["other_first_name"]).split())
        if not name:
            raise forms.ValidationError(_("Indiquez le prénom de cette personne."))
        return name

    def clean(self) -> dict[str, Any]:
        """Ask for at least one way to reach the person; check the zone of home visits (B-14)."""
        super().clean()
        cleaned = self.cleaned_data
        nothing_typed = (
            not self.data.get("phone", "").strip() and not self.data.get("email", "").strip()
        )
        if nothing_typed:
            self.add_error("phone", _("Indiquez au moins un téléphone ou une adresse e-mail."))
        self._check_served_area()
        return cleaned

    def person(self) -> Person:
        """Return the person of a valid form."""
        cleaned = self.cleaned_data
        return Person(
            first_name=cleaned["first_name"],
            last_name=cleaned["last_name"],
            phone=cleaned["phone"],
            email=cleaned["email"],
            relative=cleaned["other_first_name"],
            extras={
                extra_field.key: str(cleaned[extra_name(extra_field)])
                for extra_field in self.extra_fields
                if cleaned[extra_name(extra_field)]
            },
        )


class CorrectionForm(AsksAboutEmail):
    """A new phone number or e-mail address; an empty field keeps the current value."""

    def __init__(
        self, data: Any = None, *, region: str, phone_hint: str = "", email_hint: str = ""
    ) -> None:
        super().__init__(data, auto_id="c_%s")
        self.fields["phone"] = PhoneField(region=region, label=_("Téléphone"), help_text=phone_hint)
        self.fields["email"] = EmailField(label=_("E-mail"), help_text=email_hint)

    def clean(self) -> dict[str, Any]:
        """Require one of the two: an empty form would look as if it had saved something."""
        super().clean()
        if not self.errors and not self.cleaned_data["phone"] and not self.cleaned_data["email"]:
            self.add_error(
                "phone", _("Écrivez le nouveau téléphone ou la nouvelle adresse e-mail.")
            )
        return self.cleaned_data


class PersonForm(AsksAboutEmail, ChecksServedArea, EditForm):
    """Everything that the person gave: names, phone, e-mail, the relative and the answers, as they are stored.

    ``answers`` are the stored answers by key; ``read_version`` is the version of the stored person that the form
    compared, "" when there is none.
    """

    read_version = ""

    def __init__(
        self,
        data: Any = None,
        *,
        location: Location,
        region: str,
        extra_fields: Iterable[ExtraField],
        answers: Mapping[str, str],
        practice_phone: str,
        **stored: Any,
    ) -> None:
        super().__init__(data, auto_id="p_%s", **stored)
        self.location, self.practice_phone = location, practice_phone
        self.extra_fields = list(extra_fields)
        asked = {extra_field.key for extra_field in asked_at(self.extra_fields, {location.kind})}
        self.fields["first_name"] = _Name(
            label=_("Prénom"),
            missing=_("Indiquez votre prénom."),
            autocomplete="given-name",
            help_text="",
        )
        self.fields["last_name"] = _Name(
            label=_("Nom"),
            missing=_("Indiquez votre nom."),
            autocomplete="family-name",
            help_text="",
        )
        self.fields["phone"] = PhoneField(region=region, label=_("Téléphone"))
        self.fields["email"] = EmailField(label=_("E-mail"))
        self.fields[RELATIVE] = NameField(
            required=False,
            max_length=LONGEST_NAME,
            label=_("Si le rendez-vous est pour une autre personne\u00a0: son prénom"),
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )
        for extra_field in self.extra_fields:
            self.fields[extra_name(extra_field)] = question_field(
                extra_field,
                is_required=extra_field.is_mandatory and extra_field.key in asked,
                present=answers.get(extra_field.key, ""),
            )

    def clean_email(self) -> str:
        """Ask about a likely typing error only when the address was changed."""
        typed = str(self.cleaned_data["email"])
        return typed if typed == self.initial.get("email") else super().clean_email()

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that are drawn, in order."""
        return [bound for bound in self if not bound.is_hidden]

    def clean(self) -> dict[str, Any]:
        """Require one way to reach the person, and an address in the served area when it was changed."""
        super().clean()
        if not self.errors and not self.cleaned_data["phone"] and not self.cleaned_data["email"]:
            self.add_error("phone", _("Indiquez au moins un téléphone ou une adresse e-mail."))
        if any(extra_name(extra_field) in self.changed_data for extra_field in self.extra_fields):
            self._check_served_area()
        return self.cleaned_data

    @property
    def answers(self) -> dict[str, str]:
        """The typed answer of each question, by key; "" removes a stored one."""
        return {
            extra_field.key: str(self.cleaned_data[extra_name(extra_field)])
            for extra_field in self.extra_fields
        }


class ErasureForm(forms.Form):
    """Erasure at once; the form always asks whether the appointment stays."""

    KEEP, CANCEL = "keep", "cancel"
    outcome = forms.ChoiceField(
        choices=((KEEP, KEEP), (CANCEL, CANCEL)),
        error_messages={
            "required": gettext_lazy("Choisissez ce que devient le rendez-vous."),
            "invalid_choice": gettext_lazy("Choisissez ce que devient le rendez-vous."),
        },
    )


class LateForm(forms.Form):
    """The number of minutes by which the person will be late."""

    minutes = forms.TypedChoiceField(
        coerce=int,
        choices=[(number, str(number)) for number in LATE_MINUTES],
        error_messages={
            "required": gettext_lazy("Choisissez de combien de minutes."),
            "invalid_choice": gettext_lazy("Choisissez de combien de minutes."),
        },
    )


class RightsForm(forms.Form):
    """An e-mail address or a phone number, to which each link is sent again (T-9)."""

    def __init__(self, data: Any = None, *, region: str) -> None:
        super().__init__(data, auto_id="id_%s")
        self.region = region
        self.fields["contact"] = LineField(
            max_length=254,
            label=_("E-mail ou téléphone donné pour le rendez-vous"),
            help_text=_("Le message part à cette adresse ou à ce numéro, et seulement là."),
            error_messages={
                "required": _("Indiquez l'adresse ou le numéro donné pour le rendez-vous."),
                "max_length": _unreadable_email(),
            },
            widget=forms.TextInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
        )

    def clean_contact(self) -> Person:
        """Return a person with this address or this number only."""
        typed = str(self.cleaned_data["contact"]).strip()
        if "@" in typed:
            return Person(email=EmailField(label="").clean(typed))
        return Person(phone=PhoneField(label="", region=self.region).clean(typed))


def _phone_help(*, sms_enabled: bool) -> str:
    if sms_enabled:
        return _("Pour vous appeler en cas d'imprévu. Un mobile permet le rappel par SMS.")
    return _(
        "Pour vous appeler en cas d'imprévu. Sans e-mail, vous ne recevrez pas de message\u00a0: gardez la page "
        "suivante."
    )


def _unreadable_phone() -> str:
    return _("Ce numéro ne semble pas valide. Exemple : 06 12 34 56 78.")


def _foreign_phone() -> str:
    return _(
        "Pour un numéro étranger, commencez par + et l'indicatif du pays. Exemple : +32 470 12 34 56."
    )


def _unreadable_email() -> str:
    return _("Cette adresse e-mail ne semble pas valide. Exemple : nom@exemple.fr.")
