"""The forms of appointment types, places and the practice; a sentence explains each rule."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from stdnum.fr import siren as siren_number

from booking.formats.french import UnreadablePhoneError, read_phone
from booking.models import AppointmentType, Location, Practice, Practitioner
from booking.models.appointment_type import MAX_HORIZON_DAYS
from booking.models.practice import CONTRACT_FIELDS, MOST_SMS_A_MONTH
from booking.practice.time_zones import zone_choices
from booking.rules import placeholders, video_links
from booking.rules.erasure import QUIET_FROM, QUIET_UNTIL
from booking.rules.event_body import COLOURS
from booking.rules.holidays import TERRITORIES
from booking.rules.persons import is_denied
from booking.scheduling import catalogue
from booking.web.dashboard.form_fields import HourField, offer_rows
from tenants.edit_form import VERSION, EditForm
from tenants.form_fields import LineField, MailboxField, ParagraphField

ROOM_TO_RETRY = 60
"""Minutes before the quiet hours, reserved for retries of a failed reminder."""
NOT_NEUTRAL = gettext_lazy(
    "Ce nom dit quelque chose de la santé des personnes. Restez neutre\u00a0: «\u00a0Consultation\u00a0», "
    "«\u00a0Suivi\u00a0»."
)


def without_link(text: str) -> str:
    """Return a text that patients read in messages. Raises ValidationError when it holds a web address."""
    if placeholders.has_link(text):
        raise ValidationError(
            _(
                "Pas d’adresse de site ici\u00a0: ces mots partent aussi par e-mail, et nos messages ne "
                "mènent qu’à votre page."
            )
        )
    return text


class RuledForm(EditForm):
    """A form with a sentence beside each rule, computed from the typed values."""

    def read(self) -> dict[str, Any]:
        """Return the readable values, typed or initial."""
        typed = self
        if not self.is_bound:
            begun = {
                name: self.get_initial_for_field(field, name) for name, field in self.fields.items()
            }
            typed = self.again(begun)
        typed.is_valid()
        return typed.cleaned_data

    def again(self, data: Mapping[str, Any]) -> "RuledForm":
        """Return a form of the same kind with these values as if they were typed."""
        return type(self)(data)

    def said_by(self, sentences: Mapping[str, str]) -> list[tuple[forms.BoundField, str | None]]:
        """Return each field with its sentence; None for a field without a rule."""
        drawn: list[tuple[forms.BoundField, str | None]] = []
        for bound in self.visible_fields():
            sentence = sentences.get(bound.name)
            drawn.append((bound, sentence))
            if sentence is None or bound.use_fieldset:
                continue
            ids = [f"{bound.auto_id}_error"] if self.is_bound and bound.errors else []
            ids += [f"{bound.auto_id}_helptext"] if bound.help_text else []
            bound.field.widget.attrs["aria-describedby"] = " ".join([*ids, f"dit-{bound.name}"])
        return drawn


class AppointmentTypeForm(RuledForm):
    """An appointment type (B-12); durations are minutes."""

    label = LineField(
        label=gettext_lazy("Nom du motif"),
        max_length=60,
        help_text=gettext_lazy(
            "Neutre\u00a0: «\u00a0Consultation\u00a0», «\u00a0Suivi\u00a0». Jamais une maladie ni un symptôme."
        ),
    )
    duration_min = forms.IntegerField(
        label=gettext_lazy("Durée, en minutes"), min_value=5, max_value=720, initial=30
    )
    buffer_before_min = forms.IntegerField(
        label=gettext_lazy("Marge avant, en minutes"),
        min_value=0,
        max_value=240,
        initial=0,
        help_text=gettext_lazy("Bloque votre agenda, sans se voir sur la page des personnes."),
    )
    buffer_after_min = forms.IntegerField(
        label=gettext_lazy("Marge après, en minutes"), min_value=0, max_value=240, initial=0
    )
    step_min = forms.IntegerField(
        label=gettext_lazy("Proposer un début toutes les (minutes)"),
        min_value=5,
        max_value=240,
        required=False,
        help_text=gettext_lazy("Vide\u00a0: à la suite, selon la durée."),
    )
    min_notice_min = forms.IntegerField(
        label=gettext_lazy("Délai avant le rendez-vous, en minutes"),
        min_value=0,
        max_value=60 * 24 * 30,
        initial=120,
        help_text=gettext_lazy(
            "En dessous, on ne peut plus réserver en ligne. 1440\u00a0: la veille."
        ),
    )
    horizon_days = forms.IntegerField(
        label=gettext_lazy("Réserver jusqu’à combien de jours d’avance"),
        min_value=1,
        max_value=MAX_HORIZON_DAYS,
        initial=90,
        help_text=gettext_lazy(
            "354 au plus\u00a0: au-delà, les coordonnées seraient effacées avant le rendez-vous."
        ),
    )
    cancel_hours = forms.IntegerField(
        label=gettext_lazy("Annulation en ligne jusqu’à combien d’heures avant"),
        min_value=0,
        max_value=24 * 14,
        required=False,
        help_text=gettext_lazy(
            "Ensuite, la page demande d’appeler le cabinet. Vide\u00a0: jusqu’à l’heure du rendez-vous."
        ),
    )
    channel = forms.ChoiceField(
        label=gettext_lazy("Qui peut le prendre"), choices=AppointmentType.BookableBy.choices
    )
    is_for_new_patients = forms.BooleanField(
        label=gettext_lazy("Pour une première visite"),
        required=False,
        help_text=gettext_lazy("La page le dit à côté du motif."),
    )
    colour = forms.TypedChoiceField(
        label=gettext_lazy("Couleur dans Google Agenda"),
        choices=[
            (number, name.capitalize() or gettext_lazy("Celle de l’agenda"))
            for number, name in COLOURS.items()
        ],
        coerce=int,
        initial=0,
        required=False,
        help_text=gettext_lazy("Pour vous seul. Elle sert si un praticien a relié son agenda."),
    )
    price_text = LineField(label=gettext_lazy("Tarif affiché"), max_length=40, required=False)
    instructions = ParagraphField(
        label=gettext_lazy("Consignes affichées"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "Par exemple «\u00a0Apportez vos examens récents\u00a0». Elles partent aussi par e-mail\u00a0: "
            "n’y nommez ni maladie ni traitement."
        ),
    )
    practitioners: "forms.ModelMultipleChoiceField[Practitioner]" = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Praticiens"),
        queryset=None,
        to_field_name="ref",
        widget=forms.CheckboxSelectMultiple,
    )
    locations: "forms.ModelMultipleChoiceField[Location]" = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Lieux"),
        queryset=None,
        to_field_name="ref",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, of: AppointmentType | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.of = of
        offer_rows(self, "practitioners", catalogue.active_practitioners_and_those_of(of))
        offer_rows(self, "locations", catalogue.active_locations_and_those_of(of))

    def again(self, data: Mapping[str, Any]) -> "AppointmentTypeForm":
        """Return the form of the same appointment type."""
        return type(self)(data, of=self.of)

    def clean_label(self) -> str:
        """Refuse a name that reveals a health condition (B-04)."""
        label = str(self.cleaned_data["label"])
        if is_denied(label):
            raise ValidationError(NOT_NEUTRAL)
        return label

    def clean_instructions(self) -> str:
        """Refuse a web address: messages lead to the practice's own page only."""
        return without_link(str(self.cleaned_data["instructions"]))

    def clean_colour(self) -> int:
        """Return the Google number of the colour; empty for the default colour of the calendar."""
        return int(self.cleaned_data["colour"] or 0)

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the appointment type itself."""
        linked = {"practitioners", "locations", VERSION}
        return {name: value for name, value in self.cleaned_data.items() if name not in linked}


class PlaceForm(RuledForm):
    """A place: its address, its time zone, and the area of home visits (B-14)."""

    name = LineField(label=gettext_lazy("Nom du lieu"), max_length=60)
    kind = forms.ChoiceField(
        label=gettext_lazy("Sorte de lieu"), choices=Location.LocationKind.choices
    )
    street = LineField(label=gettext_lazy("Rue"), max_length=120, required=False)
    postcode = LineField(label=gettext_lazy("Code postal"), max_length=10, required=False)
    town = LineField(label=gettext_lazy("Commune"), max_length=60, required=False)
    access_text = ParagraphField(
        label=gettext_lazy("Comment venir"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Étage, sonnette, accès en fauteuil roulant, stationnement."),
    )
    video_url = LineField(
        label=gettext_lazy("Lien de la visio"),
        max_length=video_links.LONGEST,
        required=False,
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "Pour un lieu en visio\u00a0: le même lien pour tous les rendez-vous, avec une salle d’attente. Il "
            "commence par https://."
        ),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Heure locale"),
        choices=zone_choices,
        help_text=gettext_lazy("Horaires, rappels et «\u00a0la veille\u00a0» suivent cette heure."),
    )
    territory = forms.ChoiceField(
        label=gettext_lazy("Territoire"),
        choices=list(TERRITORIES.items()),
        required=False,
        help_text=gettext_lazy(
            "Décide des jours fériés. En Alsace et en Moselle, le code postal suffit."
        ),
    )
    served_postcodes = LineField(
        label=gettext_lazy("Codes postaux desservis"),
        required=False,
        max_length=600,
        help_text=gettext_lazy(
            "Pour les visites à domicile, séparés par des virgules. Ailleurs, la page demande d’appeler."
        ),
    )

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the place."""
        return {name: value for name, value in self.cleaned_data.items() if name != VERSION}

    def clean_served_postcodes(self) -> list[str]:
        """Return the postcodes, five digits each."""
        typed = [
            part for part in re.split(r"[\s,;]+", self.cleaned_data["served_postcodes"]) if part
        ]
        wrong = [part for part in typed if not re.fullmatch(r"\d{5}", part)]
        if wrong:
            raise ValidationError(
                _("«\u00a0%(code)s\u00a0» n’est pas un code postal. Exemple\u00a0: 64210.")
                % {"code": wrong[0][:20]}
            )
        return sorted(set(typed))

    def clean_access_text(self) -> str:
        """Refuse a web address: messages lead to the practice's own page only."""
        return without_link(str(self.cleaned_data["access_text"]))

    def clean_video_url(self) -> str:
        """Check the link of a video place (B-14)."""
        typed = str(self.cleaned_data["video_url"]).strip()
        try:
            return video_links.read_video_link(typed) if typed else ""
        except ValueError:
            raise ValidationError(
                _(
                    "Ce lien ne peut pas être ouvert sans risque. Copiez l’adresse entière de votre salle. "
                    "Exemple\u00a0: https://visio.exemple.fr/ma-salle."
                )
            ) from None

    def clean(self) -> dict[str, Any]:
        """Require an address for an office, and an area for home visits; only a video place keeps a link."""
        data = super().clean() or {}
        if data.get("video_url") and data.get("kind") != Location.LocationKind.VIDEO:
            data["video_url"] = ""
        if data.get("kind") == Location.LocationKind.OFFICE:
            for name in ("street", "postcode", "town"):
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, _("Un cabinet a une adresse complète."))
        goes_out = (
            data.get("kind") == Location.LocationKind.HOME and "served_postcodes" not in self.errors
        )
        if goes_out and not data.get("served_postcodes"):
            self.add_error("served_postcodes", _("Donnez au moins un code postal."))
        return data


class PracticeForm(EditForm):
    """The public description, the legal identity and the choices of the practice.

    Once the identity is confirmed, its fields are those of the contract and are not asked here.
    """

    name = LineField(label=gettext_lazy("Nom du cabinet"), max_length=80)
    profession = LineField(label=gettext_lazy("Profession"), max_length=60, required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Cadre de la profession"), choices=Practice.PracticeKind.choices
    )
    town = LineField(label=gettext_lazy("Commune affichée"), max_length=60, required=False)
    phone = LineField(
        label=gettext_lazy("Téléphone"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "Affiché aux personnes qui ne peuvent pas réserver ou annuler en ligne."
        ),
    )
    email = MailboxField(
        label=gettext_lazy("E-mail du cabinet"),
        required=False,
        help_text=gettext_lazy("Reçoit les avis de créneau libéré."),
    )
    legal_name = LineField(
        label=gettext_lazy("Raison sociale, ou nom et prénom suivis de EI"),
        max_length=120,
        required=False,
    )
    legal_form = LineField(label=gettext_lazy("Forme juridique"), max_length=60, required=False)
    siren = LineField(
        label=gettext_lazy("SIREN"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    vat_number = LineField(
        label=gettext_lazy("Numéro de TVA"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("Vide si vous n’en avez pas."),
    )
    street = LineField(label=gettext_lazy("Rue du siège"), max_length=120, required=False)
    postcode = LineField(label=gettext_lazy("Code postal du siège"), max_length=10, required=False)
    legal_town = LineField(label=gettext_lazy("Commune du siège"), max_length=60, required=False)
    publication_director = LineField(
        label=gettext_lazy("Responsable de la publication"), max_length=120, required=False
    )
    professional_rules = LineField(
        label=gettext_lazy("Règles professionnelles"),
        max_length=200,
        required=False,
        help_text=gettext_lazy(
            "Par exemple «\u00a0Code de déontologie, articles R. 4321-51 et suivants\u00a0»."
        ),
    )
    order_name = LineField(
        label=gettext_lazy("Ordre et son adresse"), max_length=200, required=False
    )
    mediator = LineField(
        label=gettext_lazy("Médiateur de la consommation"), max_length=200, required=False
    )
    reminder_minute = HourField(
        label=gettext_lazy("Heure du rappel, la veille"),
        help_text=gettext_lazy("Entre 8\u00a0h et 19\u00a0h, à l’heure du lieu du rendez-vous."),
    )
    sms_enabled = forms.BooleanField(
        label=gettext_lazy("Envoyer des SMS"),
        required=False,
        help_text=gettext_lazy(
            "Sans SMS, qui ne donne qu’un téléphone ne reçoit aucun message\u00a0: la page le lui dit."
        ),
    )
    sms_budget = forms.IntegerField(
        label=gettext_lazy("SMS par mois, au plus"),
        min_value=0,
        max_value=MOST_SMS_A_MONTH,
        help_text=gettext_lazy(
            "Au-delà, plus aucun SMS ne part jusqu’au mois suivant\u00a0; les e-mails continuent."
        ),
    )
    max_open_bookings = forms.IntegerField(
        label=gettext_lazy("Rendez-vous pris en ligne par personne et par jour, au plus"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy(
            "Compté par connexion et par adresse\u00a0: la réponse ne dit à personne qui est votre patient."
        ),
    )
    waiting_minutes = forms.IntegerField(
        label=gettext_lazy("Liste d’attente : garder un créneau libéré (minutes)"),
        min_value=0,
        max_value=60,
        help_text=gettext_lazy(
            "De 20 à 60 minutes pour chaque personne, entre 8\u00a0h et 20\u00a0h. 0 arrête la liste d’attente."
        ),
    )
    rights_contact = forms.ChoiceField(
        label=gettext_lazy("Demandes des personnes sur leurs données"),
        choices=Practice.RightsContact.choices,
    )

    LEGAL = (
        "legal_name",
        "legal_form",
        "siren",
        "vat_number",
        "street",
        "postcode",
        "legal_town",
        "publication_director",
        "professional_rules",
        "order_name",
        "mediator",
    )
    CHOICES = (
        "reminder_minute",
        "sms_enabled",
        "sms_budget",
        "max_open_bookings",
        "waiting_minutes",
        "rights_contact",
    )

    def __init__(
        self, *args: Any, region: str, has_confirmed_identity: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.region = region
        if has_confirmed_identity:
            for name in CONTRACT_FIELDS:
                self.fields.pop(name, None)
        if not settings.SMS_GATEWAY:
            sms = self.fields["sms_enabled"]
            sms.disabled = True
            sms.help_text = _("lib-rdv n’envoie pas de SMS pour le moment.")

    def clean_waiting_minutes(self) -> int:
        """Check that a person has time to answer and that the slot can be offered to another one."""
        minutes = int(self.cleaned_data["waiting_minutes"])
        if 0 < minutes < 20:
            raise ValidationError(_("Choisissez entre 20 et 60 minutes, ou 0 pour arrêter."))
        return minutes

    def clean_phone(self) -> str:
        """Read the number in the territory of the practice."""
        typed = self.cleaned_data["phone"].strip()
        if not typed:
            return ""
        try:
            return read_phone(typed, region=self.region)
        except UnreadablePhoneError:
            raise ValidationError(
                _(
                    "Ce numéro ne semble pas valide. Exemple\u00a0: 05\u00a036\u00a049\u00a000\u00a012."
                )
            ) from None

    def clean_siren(self) -> str:
        """Check the nine digits and their key (G-04)."""
        typed = re.sub(r"\s", "", self.cleaned_data["siren"])
        if typed and not siren_number.is_valid(typed):
            raise ValidationError(_("Ce SIREN ne semble pas valide. Il a neuf chiffres."))
        return typed

    def clean_reminder_minute(self) -> int:
        """Respect the quiet hours of B-40, with one hour left for retries."""
        minutes = self.cleaned_data["reminder_minute"]
        if minutes is None or not QUIET_UNTIL <= minutes <= QUIET_FROM - ROOM_TO_RETRY:
            raise ValidationError(_("Choisissez une heure entre 8\u00a0h et 19\u00a0h."))
        return int(minutes)

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the practice."""
        return {name: value for name, value in self.cleaned_data.items() if name != VERSION}

    def group(self, names: tuple[str, ...]) -> list[forms.BoundField]:
        """Return some of the fields, for one section of the page."""
        return [self[name] for name in names if name in self.fields]

    @property
    def legal(self) -> list[forms.BoundField]:
        """The fields of the legal identity."""
        return self.group(self.LEGAL)

    @property
    def choices(self) -> list[forms.BoundField]:
        """The fields that change how the site works."""
        return self.group(self.CHOICES)

    @property
    def seen(self) -> list[forms.BoundField]:
        """The fields that patients see."""
        hidden = {*self.LEGAL, *self.CHOICES}
        return [field for field in self if field.name not in hidden]


class IdentityRequestForm(PracticeForm):
    """A correction of the identity of the contract, which lib-rdv's staff decide on (G-04)."""

    OPTIONAL = ("siren", "vat_number")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in [*self.fields]:
            if name not in CONTRACT_FIELDS:
                del self.fields[name]
        for name, field in self.fields.items():
            field.required = name not in self.OPTIONAL
