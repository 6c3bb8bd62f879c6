"""Booking by hand, moving, cancelling, correcting: the forms of one appointment."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.formats.french import ForeignPhoneError, UnreadablePhoneError, read_phone
from booking.formats.names import split_name
from booking.models import Appointment, AppointmentType, ExtraField, Location, Practitioner
from booking.rules.persons import Person
from booking.scheduling import catalogue
from booking.scheduling.catalogue import region_of
from booking.scheduling.slots import ResolvedSlot, SlotSelection
from booking.web.dashboard.form_fields import HourField, RowField, RowForm
from booking.web.person_fields import LONGEST_NAME, RELATIVE, StaffAnswers, extra_name
from tenants.edit_form import EditForm
from tenants.form_fields import DayField, LineField, MailboxField, NameField
from tenants.work_form import WorkForm

LONGEST_PATH = 200
"""Characters of the hidden field that says which page to go back to."""


def read_contact(typed: str, *, region: str) -> tuple[str, str]:
    """Return (phone, e-mail) of one field that takes either; raise ValidationError for neither."""
    typed = typed.strip()
    if not typed:
        return "", ""
    if "@" in typed:
        try:
            validate_email(typed)
        except ValidationError:
            raise ValidationError(_("Cette adresse e-mail ne semble pas valide.")) from None
        return "", typed
    try:
        return read_phone(typed, region=region), ""
    except ForeignPhoneError:
        raise ValidationError(
            _(
                "Pour un numéro étranger, commencez par + et l’indicatif du pays."
                " Exemple\u00a0: +32\u00a0470\u00a012\u00a034\u00a056."
            )
        ) from None
    except UnreadablePhoneError:
        raise ValidationError(
            _("Ce numéro ne semble pas valide. Exemple\u00a0: 06\u00a012\u00a034\u00a056\u00a078.")
        ) from None


def check_row_combination(
    form: forms.BaseForm,
    appointment_type: AppointmentType,
    practitioner: Practitioner | None,
    location: Location | None,
) -> None:
    """Add an error to the form when the type is not given by this practitioner, or not at this location."""
    if practitioner and not catalogue.is_given_by(appointment_type, practitioner):
        form.add_error("appointment_type", _("Ce praticien ne reçoit pas pour ce motif."))
    if location and not catalogue.is_given_at(appointment_type, location):
        form.add_error("place", _("Ce motif ne se fait pas dans ce lieu."))


_COLUMNS = {
    "practitioner": "practitioner",
    "appointment_type": "appointment_type",
    "place": "location",
}
"""The columns of an appointment, by the form fields that change them."""


class Unwritten(forms.HiddenInput):
    """A field whose value comes from the pressed button only: the widget renders nothing."""

    def render(self, *_args: Any, **_kwargs: Any) -> SafeString:
        """Write nothing."""
        return SafeString()


class SlotForm(RowForm):
    """The fields of a slot: practitioner, appointment type, place, day and hour. For booking and for moving.

    ``present`` is the appointment to move: its rows stay choosable after they were closed.
    """

    practitioner = RowField(label=gettext_lazy("Praticien"))
    appointment_type = RowField(label=gettext_lazy("Motif"))
    place = RowField(label=gettext_lazy("Lieu"))
    day = DayField(label=gettext_lazy("Jour"))
    hour = HourField(
        label=gettext_lazy("Heure"), help_text=gettext_lazy("Par exemple 9, 9h30 ou 14:15.")
    )
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)
    overbook = forms.BooleanField(
        label=gettext_lazy("En surnombre"),
        required=False,
        widget=forms.HiddenInput,
        help_text=gettext_lazy(
            "Le prendre quand même, en plus de l’autre. La ligne le dira dans l’agenda."
        ),
    )
    return_to = LineField(max_length=LONGEST_PATH, required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        practitioners: Sequence[Practitioner],
        present: Appointment | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.present = present
        choices: dict[str, Iterable[Any]] = {
            "practitioner": practitioners,
            "appointment_type": catalogue.appointment_types_of_any(practitioners),
            "place": catalogue.active_locations(),
        }
        for name, rows in choices.items():
            kept = getattr(present, _COLUMNS[name]) if present is not None else None
            self.offer(name, rows, present=kept)

    def offer_over(self) -> None:
        """Show the check box that overbooks a taken slot."""
        self.fields["overbook"].widget = forms.CheckboxInput()

    def clean(self) -> dict[str, Any]:
        """Check that this appointment type is given there by this practitioner, and that the date can be."""
        data = super().clean() or {}
        appointment_type, practitioner, place = (
            data.get(name) for name in ("appointment_type", "practitioner", "place")
        )
        if appointment_type:
            if self._is_kept(appointment_type, practitioner=practitioner):
                practitioner = None
            if self._is_kept(appointment_type, location=place):
                place = None
            check_row_combination(self, appointment_type, practitioner, place)
        return data

    def _is_kept(self, appointment_type: AppointmentType, **row: Any) -> bool:
        """Return whether the appointment has this type with this practitioner or location already."""
        chosen = {"appointment_type": appointment_type, **row}
        present = self.present
        return present is not None and all(
            getattr(present, column) == value for column, value in chosen.items()
        )

    @property
    def starts_at(self) -> datetime:
        """The chosen start, in the zone of the place."""
        on, place = self.cleaned_data["day"], self.cleaned_data["place"]
        minutes = int(self.cleaned_data["hour"])
        return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(place.time_zone)).replace(
            hour=minutes // 60 % 24, minute=minutes % 60
        ) + timedelta(days=minutes // (24 * 60))

    @property
    def selection(self) -> SlotSelection:
        """The slot, as the services take it, with its rows."""
        data = self.cleaned_data
        return ResolvedSlot(
            data["practitioner"], data["place"], data["appointment_type"], self.starts_at
        ).selection


class BookForm(StaffAnswers, SlotForm):
    """Booking by hand: one field for the name, one for a phone or an e-mail; all but the slot may stay empty."""

    name = NameField(
        label=gettext_lazy("Prénom et nom"),
        required=False,
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    contact = LineField(
        label=gettext_lazy("Téléphone ou e-mail"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Sans l’un des deux, aucun rappel ne partira."),
    )
    form_ref = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("form_ref", uuid.uuid4())
        places = self.row_field("place").rows.values()
        self.add_questions_of(places)
        slot = ("practitioner", "appointment_type", "place")
        self.order_fields(["name", "contact", *slot, "day", "hour", *self.answer_names, "overbook"])

    def clean(self) -> dict[str, Any]:
        """Read the contact in the territory of the place."""
        data = super().clean()
        place = data.get("place")
        region = region_of(place)
        try:
            data["phone"], data["email"] = read_contact(data.get("contact", ""), region=region)
        except ValidationError as error:
            self.add_error("contact", error)
        return data

    @property
    def person(self) -> Person:
        """The person as far as the form names one."""
        first, last = split_name(self.cleaned_data["name"])
        return Person(
            first_name=first,
            last_name=last,
            phone=self.cleaned_data["phone"],
            email=self.cleaned_data["email"],
            relative=self.cleaned_data[RELATIVE],
            extras=self.answers_at(self.cleaned_data["place"]),
        )


class QuickAnswersForm(StaffAnswers, WorkForm):
    """The relative and the answers in the small booking form of the agenda, which ``BookForm`` reads."""

    def __init__(self, *, places: Sequence[Location]) -> None:
        super().__init__(auto_id="q-%s")
        self.add_questions_of(places)

    @property
    def asks_address(self) -> bool:
        """Whether one of the questions is the address of a home visit."""
        return any(field.kind == ExtraField.FieldKind.ADDRESS for field in self.extra_fields)


class MoveForm(SlotForm):
    """Moving an appointment: the slot fields, the sequence that the page showed, whether to notify the person."""

    notify = forms.BooleanField(required=False, widget=Unwritten)
    sequence = forms.IntegerField(required=False, widget=forms.HiddenInput)


class LengthForm(WorkForm):
    """Making an appointment longer or shorter: its new end."""

    until = HourField(
        is_end=True,
        label=gettext_lazy("Jusqu’à"),
        help_text=gettext_lazy("Par exemple 10, 10h30 ou 14:15."),
    )
    overbook = forms.BooleanField(
        label=gettext_lazy("En surnombre"),
        required=False,
        widget=forms.HiddenInput,
        help_text=gettext_lazy("Le garder quand même, par-dessus le suivant."),
    )
    sequence = forms.IntegerField(widget=forms.HiddenInput)
    notify = forms.BooleanField(required=False, widget=Unwritten)
    return_to = LineField(max_length=LONGEST_PATH, required=False, widget=forms.HiddenInput)

    def offer_over(self) -> None:
        """Show the check box that overbooks a taken slot."""
        self.fields["overbook"].widget = forms.CheckboxInput()

    def ends_at(self, starts_at: datetime) -> datetime:
        """The instant of the typed hour, on the local day of the local ``starts_at``."""
        minutes = int(self.cleaned_data["until"])
        end = starts_at.replace(hour=minutes // 60 % 24, minute=minutes % 60)
        return end + timedelta(days=minutes // (24 * 60))


class CancelForm(WorkForm):
    """Cancelling: for whom, set by the button, the sequence that the page showed, and whether to notify."""

    BY_PERSON, BY_PRACTICE = "person", "practice"
    REASONS = (
        (BY_PERSON, gettext_lazy("À la demande de la personne")),
        (BY_PRACTICE, gettext_lazy("Le cabinet ne peut pas la recevoir")),
    )

    reason = forms.ChoiceField(
        label=gettext_lazy("Pourquoi annuler\u00a0?"),
        choices=REASONS,
        widget=Unwritten,
        error_messages={"required": gettext_lazy("Dites pour qui vous annulez.")},
    )
    notify = forms.BooleanField(required=False, widget=Unwritten)
    sequence = forms.IntegerField(required=False, widget=forms.HiddenInput)
    return_to = LineField(max_length=LONGEST_PATH, required=False, widget=forms.HiddenInput)


class ContactForm(StaffAnswers, EditForm):
    """Correcting what is stored about a person: names, phone, e-mail, the relative and the answers.

    ``answers`` are the stored answers by key; ``read_version`` is the version of the stored person that the form
    compared, "" without one.
    """

    read_version = ""

    first_name = NameField(
        label=gettext_lazy("Prénom"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    last_name = NameField(
        label=gettext_lazy("Nom"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    phone = LineField(
        label=gettext_lazy("Téléphone"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    email = MailboxField(
        label=gettext_lazy("E-mail"),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "L’ancienne adresse reçoit un mot qui dit qu’elle a changé, sans la nouvelle."
        ),
    )

    def __init__(
        self,
        *args: Any,
        region: str,
        extra_fields: Iterable[ExtraField],
        answers: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.region = region
        self.add_questions(extra_fields, present=answers)

    def clean_phone(self) -> str:
        """Read the number in the territory of the place."""
        return read_contact(self.cleaned_data["phone"].replace("@", " "), region=self.region)[0]

    @property
    def answers(self) -> dict[str, str]:
        """The typed answer of each question, by key; "" removes a stored one."""
        return {
            extra_field.key: str(self.cleaned_data[extra_name(extra_field)])
            for extra_field in self.extra_fields
        }
