"""Booking by hand, moving, cancelling, correcting: the forms of one appointment."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.forms.dashboard.base import DayField, HourField, RowField, WorkForm
from booking.french import UnreadablePhoneError, read_phone
from booking.models import AppointmentType, Location, Practitioner
from booking.persons import Person
from booking.regions import region_of
from booking.services.choice import Choice, Placed


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
    except UnreadablePhoneError:
        raise ValidationError(
            _("Ce numéro ne semble pas valide. Exemple\u00a0: 06\u00a012\u00a034\u00a056\u00a078.")
        ) from None


def split_name(typed: str) -> tuple[str, str]:
    """Return (first, last) of « Camille Spécimen », « SPÉCIMEN Camille » or « Spécimen, Camille ».

    A single word is a last name; so are the words in capitals that come first.
    """
    before, comma, after = typed.partition(",")
    words = typed.replace(",", " ").split()
    if comma and before.strip() and after.strip():
        return " ".join(after.split()), " ".join(before.split())
    capitals = 0
    while capitals < len(words) and len(words[capitals]) > 1 and words[capitals].isupper():
        capitals += 1
    if 0 < capitals < len(words):
        return " ".join(words[capitals:]), " ".join(words[:capitals])
    return (words[0], " ".join(words[1:])) if len(words) > 1 else ("", "".join(words))


class Unwritten(forms.HiddenInput):
    """A value that only the pressed button gives: nothing stands for it in the page."""

    def render(self, *_args: Any, **_kwargs: Any) -> SafeString:
        """Write nothing."""
        return SafeString()


class SlotForm(WorkForm):
    """Who, where, what for and when: shared by booking by hand and moving."""

    practitioner = RowField(label=gettext_lazy("Praticien"))
    motif = RowField(label=gettext_lazy("Motif"))
    place = RowField(label=gettext_lazy("Lieu"))
    day = DayField(label=gettext_lazy("Jour"))
    hour = HourField(
        label=gettext_lazy("Heure"), help_text=gettext_lazy("Par exemple 9, 9h30 ou 14:15.")
    )
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)
    over = forms.BooleanField(
        label=gettext_lazy("En surnombre"),
        required=False,
        widget=forms.HiddenInput,
        help_text=gettext_lazy(
            "Le prendre quand même, en plus de l’autre. La ligne le dira dans l’agenda."
        ),
    )
    retour = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, practitioners: Sequence[Practitioner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, Iterable[Any]] = {
            "practitioner": practitioners,
            "motif": AppointmentType.objects.filter(
                is_active=True, practitioners__in=practitioners
            ).distinct(),
            "place": Location.objects.filter(is_active=True),
        }
        for name, rows in choices.items():
            self._offer(name, list(rows))

    def offer_over(self) -> None:
        """Show the box by which a taken time is taken all the same."""
        self.fields["over"].widget = forms.CheckboxInput()

    def _offer(self, name: str, rows: list[Any]) -> None:
        """Offer the rows; a single one is chosen beforehand and not asked."""
        field = self.fields[name]
        assert isinstance(field, RowField)  # noqa: S101  # declared above
        field.offer(rows)
        if len(rows) == 1:
            field.widget = forms.HiddenInput()
            self.initial[name] = rows[0].ref

    def clean(self) -> dict[str, Any]:
        """Check that this motif is given there by this practitioner, and that the date can be."""
        data = super().clean() or {}
        motif, who, place = (data.get(name) for name in ("motif", "practitioner", "place"))
        if motif and who and not motif.practitioners.filter(pk=who.pk).exists():
            self.add_error("motif", _("Ce praticien ne reçoit pas pour ce motif."))
        if motif and place and not motif.locations.filter(pk=place.pk).exists():
            self.add_error("place", _("Ce motif ne se fait pas dans ce lieu."))
        return data

    @property
    def starts_at(self) -> datetime:
        """The chosen start, in the zone of the place."""
        on, place = self.cleaned_data["day"], self.cleaned_data["place"]
        minutes = int(self.cleaned_data["hour"])
        return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(place.time_zone)).replace(
            hour=minutes // 60 % 24, minute=minutes % 60
        ) + timedelta(days=minutes // (24 * 60))

    @property
    def choice(self) -> Choice:
        """The slot, as the services take it, with its rows."""
        said = self.cleaned_data
        return Placed(said["practitioner"], said["place"], said["motif"], self.starts_at).choice


class BookForm(SlotForm):
    """Booking by hand: one field for the name, one for a phone or an e-mail, both may stay empty."""

    name = forms.CharField(
        label=gettext_lazy("Prénom et nom"),
        required=False,
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    contact = forms.CharField(
        label=gettext_lazy("Téléphone ou e-mail"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Sans l’un des deux, aucun rappel ne partira."),
    )
    form_ref = forms.UUIDField(widget=forms.HiddenInput)

    field_order = ["name", "contact", "practitioner", "motif", "place", "day", "hour", "over"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("form_ref", uuid.uuid4())

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
        """Who comes, as far as was said."""
        first, last = split_name(self.cleaned_data["name"])
        return Person(
            first_name=first,
            last_name=last,
            phone=self.cleaned_data["phone"],
            email=self.cleaned_data["email"],
        )


class MoveForm(SlotForm):
    """Moving: the same slot fields, what was shown, and whether the person is told."""

    tell = forms.BooleanField(required=False, widget=Unwritten)
    sequence = forms.IntegerField(required=False, widget=forms.HiddenInput)


class LengthForm(WorkForm):
    """Making an appointment longer or shorter: its new end."""

    until = HourField(
        label=gettext_lazy("Jusqu’à"), help_text=gettext_lazy("Par exemple 10, 10h30 ou 14:15.")
    )
    over = forms.BooleanField(
        label=gettext_lazy("En surnombre"),
        required=False,
        widget=forms.HiddenInput,
        help_text=gettext_lazy("Le garder quand même, par-dessus le suivant."),
    )
    sequence = forms.IntegerField(widget=forms.HiddenInput)
    tell = forms.BooleanField(required=False, widget=Unwritten)
    retour = forms.CharField(required=False, widget=forms.HiddenInput)

    def offer_over(self) -> None:
        """Show the box by which a taken time is taken all the same."""
        self.fields["over"].widget = forms.CheckboxInput()

    def ends_at(self, starts_at: datetime) -> datetime:
        """The instant of the typed hour, on the local day of the local ``starts_at``."""
        minutes = int(self.cleaned_data["until"])
        end = starts_at.replace(hour=minutes // 60 % 24, minute=minutes % 60)
        return end + timedelta(days=minutes // (24 * 60))


class CancelForm(WorkForm):
    """Cancelling: what was shown, and whether the person is told, said by the button."""

    tell = forms.BooleanField(required=False, widget=Unwritten)
    sequence = forms.IntegerField(required=False, widget=forms.HiddenInput)
    retour = forms.CharField(required=False, widget=forms.HiddenInput)


class ContactForm(WorkForm):
    """Correcting the name, and what serves to reach the person.

    ``was`` is what the page showed: somebody else's correction is not written over unseen.
    """

    first_name = forms.CharField(
        label=gettext_lazy("Prénom"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    last_name = forms.CharField(
        label=gettext_lazy("Nom"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    was = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)
    phone = forms.CharField(
        label=gettext_lazy("Téléphone"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "L’ancienne adresse reçoit un mot qui dit qu’elle a changé, sans la nouvelle."
        ),
    )

    def __init__(self, *args: Any, region: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region = region

    def clean_phone(self) -> str:
        """Read the number in the territory of the place."""
        return read_contact(self.cleaned_data["phone"].replace("@", " "), region=self.region)[0]
