"""The forms of the practice's public pages, one for each part; each question gives its reason."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.edit_form import EditForm
from tenants.form_fields import LineField, ParagraphField
from tenants.website import (
    picture_process,
    pictures,
    plain_text,
    professions,
    questionnaire,
)
from tenants.website.colours import read_colour
from tenants.website.content import TEXT_LENGTHS, TEXTS
from tenants.website.errors import UnusablePicture
from tenants.website.models import Picture
from tenants.website.professions import Number
from tenants.website.questionnaire import Answers
from tenants.work_form import WorkForm

HINTS: dict[str, Promise | str] = {
    "presentation": gettext_lazy(
        "Qui vous êtes, qui vous recevez, comment se passe une séance. Sans promettre de résultat."
    ),
    "access": gettext_lazy(
        "Étage, sonnette, bus, stationnement, marches à l’entrée. L’adresse est déjà sur la page."
    ),
    "prices": gettext_lazy(
        "Ce que le tableau des motifs ne dit pas\u00a0: remboursement, majorations, forfaits."
    ),
    "payment": gettext_lazy("Carte, chèque, espèces, tiers payant."),
    "practical": gettext_lazy("Ce qu’il faut apporter, vos congés, l’accueil du secrétariat."),
}
PICTURE_REFUSED: dict[str, Promise | str] = {
    pictures.TOO_HEAVY: gettext_lazy(
        "Cette image pèse plus de 10 Mo. Choisissez-en une plus légère."
    ),
    pictures.NOT_A_PICTURE: gettext_lazy(
        "Ce fichier n’est pas une image que nous savons lire. Choisissez un JPEG, un PNG ou un WebP."
    ),
    pictures.HEIC: gettext_lazy(
        "C’est une photo HEIC, le format des iPhone, que nous ne savons pas lire. Enregistrez-la en JPEG\u00a0:"
        " dans l’application Fichiers ou Photos, choisissez «\u00a0Exporter\u00a0» ou"
        " «\u00a0Le plus compatible\u00a0»."
    ),
    **{
        reason: format_lazy(
            gettext_lazy(
                "C’est un fichier {name}, que nous ne savons pas lire. Enregistrez l’image en JPEG, PNG ou WebP."
            ),
            name=name,
        )
        for reason, name in pictures.OTHER_FORMATS.items()
    },
    pictures.TOO_MANY_PIXELS: gettext_lazy(
        "Cette image est trop grande\u00a0: 52 millions de pixels au plus pour un JPEG, 16 millions pour un"
        " autre format. Réduisez-la d’abord."
    ),
    pictures.TOO_SMALL: gettext_lazy(
        "Cette image est trop petite pour rester nette. Il faut au moins 600 sur 400 pixels pour une photo."
    ),
}


class SiteTextForm(WorkForm):
    """One text of the public pages."""

    text = ParagraphField(max_length=max(TEXT_LENGTHS.values()), required=False)
    seen = LineField(widget=forms.HiddenInput, required=False, max_length=16)

    def __init__(self, *args: Any, part: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = TEXT_LENGTHS[part]
        self.fields["text"] = ParagraphField(
            label=str(TEXTS[part]),
            required=False,
            max_length=most,
            widget=forms.Textarea(attrs={"rows": 12 if part == "presentation" else 6}),
            help_text=_(
                "%(why)s Une ligne vide sépare deux paragraphes, une ligne qui commence par un tiret"
                " fait une liste. %(most)s caractères au plus."
            )
            % {"why": HINTS[part], "most": most},
        )
        self.order_fields(["text", "seen"])


class ColourForm(EditForm):
    """The practice's colour."""

    colour = LineField(
        label=gettext_lazy("Couleur du cabinet"),
        max_length=7,
        widget=forms.TextInput(attrs={"type": "color"}),
        help_text=gettext_lazy(
            "Celle de votre plaque ou de votre logo. Nous la rendons lisible, de jour comme de nuit."
        ),
    )

    def clean_colour(self) -> str:
        """Read the colour as browsers send it."""
        try:
            return read_colour(self.cleaned_data["colour"])
        except ValueError:
            raise ValidationError(
                _("Cette couleur ne semble pas valide. Exemple\u00a0: #0a4f5c.")
            ) from None


class PictureForm(EditForm):
    """A picture with the facts that the law requires: the holder of the rights, recognisable persons (G-09)."""

    kind = ""
    file = forms.FileField(
        label=gettext_lazy("Image"),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        max_length=300,
        allow_empty_file=True,
    )
    rights_holder = LineField(
        label=gettext_lazy("À qui appartient cette image\u00a0?"),
        max_length=120,
        help_text=gettext_lazy(
            "La personne qui l’a faite, ou vous si elle vous a cédé ses droits."
            " Vous en gardez la propriété\u00a0: nous ne la montrons que sur votre site, le temps du contrat."
        ),
    )
    has_right = forms.BooleanField(
        label=gettext_lazy("J’ai le droit de publier cette image sur mon site."),
        error_messages={
            "required": gettext_lazy("Sans ce droit, l’image ne peut pas être publiée.")
        },
    )

    def __init__(
        self, data: Any = None, files: Any = None, *args: Any, has_picture: bool, **kwargs: Any
    ) -> None:
        # Before the lock of the subject: the other requests of this form would wait for it, each in a thread.
        self.encoded, self._why_unusable = _encoded(self.kind, (files or {}).get("file"))
        super().__init__(data, files, *args, **kwargs)
        self.has_picture = has_picture
        self.fields["file"].required = not has_picture
        if has_picture:
            self.fields["file"].help_text = _("Vide\u00a0: garder l’image actuelle.")

    def clean_file(self) -> Any:
        """Raise ValidationError when the picture cannot be used."""
        if self._why_unusable:
            raise ValidationError(str(PICTURE_REFUSED[self._why_unusable]))
        return self.cleaned_data["file"]

    def clean(self) -> dict[str, Any]:
        """A browser does not send a file twice: say that it must be chosen again."""
        data = super().clean() or {}
        if self.errors and self.encoded is not None:
            self.add_error(
                "file", _("Choisissez l’image à nouveau\u00a0: elle n’a pas été gardée.")
            )
        return data

    @property
    def described(self) -> dict[str, str]:
        """Return the facts that are stored with the picture."""
        names = ("alt", "credit", "rights_holder", "people")
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


def _encoded(kind: str, file: Any) -> tuple[pictures.Encoded | None, str]:
    """Return both sizes of the picture, or why it cannot be used. Raises NoPlaceFree."""
    if file is None:
        return None, ""
    try:
        return picture_process.encode(kind, file), ""
    except UnusablePicture as refused:
        return None, refused.reason


class PhotoForm(PictureForm):
    """The photo of the practice."""

    kind = Picture.PictureKind.PHOTO
    alt = LineField(
        label=gettext_lazy("Que montre la photo\u00a0?"),
        max_length=200,
        help_text=gettext_lazy(
            "Pour les personnes qui ne la voient pas. Exemple\u00a0: «\u00a0La façade du cabinet, porte bleue à"
            " droite du fronton\u00a0»."
        ),
    )
    people = forms.ChoiceField(
        label=gettext_lazy("Quelqu’un est-il reconnaissable\u00a0?"),
        choices=Picture.People.choices,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("Jamais un patient. Sans accord écrit, choisissez une autre photo."),
    )
    credit = LineField(
        label=gettext_lazy("Nom à écrire sous la photo"),
        max_length=80,
        required=False,
        help_text=gettext_lazy("Si son auteur le demande."),
    )
    field_order = ("file", "alt", "people", "rights_holder", "credit", "has_right")


class LogoForm(PictureForm):
    """The logo of the practice."""

    kind = Picture.PictureKind.LOGO


PICTURE_FORMS: dict[str, type[PictureForm]] = {"photo": PhotoForm, "logo": LogoForm}


class CardForm(EditForm):
    """The presentation of a practitioner, with the professional numbers (G-05, G-06, E-33)."""

    profession = forms.ChoiceField(
        label=gettext_lazy("Profession"),
        choices=[
            (profession_rule.code, profession_rule.label)
            for profession_rule in professions.PROFESSIONS
        ],
        help_text=gettext_lazy(
            "Certaines professions doivent afficher des mentions\u00a0: nous le dirons."
        ),
    )
    presentation = ParagraphField(
        label=gettext_lazy("Quelques mots"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("Diplômes, formations, orientation. 500 caractères au plus."),
    )
    rpps = LineField(
        label=gettext_lazy("Numéro RPPS"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=gettext_lazy("Onze chiffres. Il n’est pas affiché sans que vous le demandiez."),
    )
    adeli = LineField(
        label=gettext_lazy("Numéro ADELI"),
        required=False,
        max_length=20,
        help_text=gettext_lazy(
            "Neuf caractères. Le RPPS le remplace peu à peu\u00a0: vide si vous l’avez."
        ),
    )
    order_number = LineField(
        label=gettext_lazy("Numéro d’inscription à l’Ordre"),
        required=False,
        max_length=30,
        help_text=gettext_lazy("Si votre profession a un Ordre."),
    )
    display_requested = forms.BooleanField(
        label=gettext_lazy("Affichez mon numéro professionnel sur mon site."),
        required=False,
    )

    def __init__(self, *args: Any, may_ask: bool, practitioner_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        request_field = self.fields["display_requested"]
        request_field.disabled = not may_ask
        if not may_ask:
            request_field.help_text = _(
                "Seul(e) %(name)s peut le demander, depuis son propre espace."
            ) % {"name": practitioner_name}

    def clean_rpps(self) -> str:
        """Read eleven digits; a wrong check digit is a warning after saving and not an error."""
        return self._number(
            "rpps",
            Number.RPPS,
            _("Ce numéro RPPS ne semble pas valide. Il a onze chiffres."),
        )

    def clean_adeli(self) -> str:
        """Read nine characters, Corsica included."""
        return self._number(
            "adeli",
            Number.ADELI,
            _("Ce numéro ADELI ne semble pas valide. Exemple\u00a0: 64\u00a000\u00a0012\u00a034."),
        )

    def clean_order_number(self) -> str:
        """Read digits and letters."""
        return self._number(
            "order_number",
            Number.ORDER,
            _("Ce numéro ne semble pas valide\u00a0: des chiffres et des lettres, 20 au plus."),
        )

    @property
    def has_doubtful_rpps(self) -> bool:
        """Whether the check digit is wrong: a digit may have been mistyped."""
        rpps = self.cleaned_data.get("rpps", "")
        return bool(rpps) and not professions.has_valid_key(rpps)

    def _number(self, name: str, kind: Number, refusal: str) -> str:
        try:
            return professions.read_number(kind, self.cleaned_data[name])
        except ValueError:
            raise ValidationError(refusal) from None


class QuestionnaireForm(EditForm):
    """The facts that the settings do not hold yet (G-08)."""

    receives = forms.MultipleChoiceField(
        label=gettext_lazy("Qui recevez-vous\u00a0?"),
        choices=list(questionnaire.RECEIVES.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    languages = LineField(
        label=gettext_lazy("Quelles langues parlez-vous, outre le français\u00a0?"),
        max_length=120,
        required=False,
    )
    arrival = forms.MultipleChoiceField(
        label=gettext_lazy("Comment arrive-t-on au cabinet\u00a0?"),
        choices=list(questionnaire.ARRIVAL.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    transport = LineField(
        label=gettext_lazy("Bus, métro, tram"),
        max_length=160,
        required=False,
        help_text=gettext_lazy("Exemple\u00a0: «\u00a0Bus 3, arrêt Église\u00a0»."),
    )
    prices = ParagraphField(
        label=gettext_lazy("Vos tarifs, en quelques mots"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Seulement ce que les prix de vos motifs ne disent pas."),
    )
    refund = forms.ChoiceField(
        label=gettext_lazy("Vos consultations sont-elles remboursées\u00a0?"),
        choices=list(questionnaire.REFUNDS.items()),
        required=False,
    )
    payments = forms.MultipleChoiceField(
        label=gettext_lazy("Comment peut-on vous payer\u00a0?"),
        choices=list(questionnaire.PAYMENTS.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    third_party = forms.BooleanField(
        label=gettext_lazy("Je pratique le tiers payant."), required=False
    )
    to_bring = LineField(
        label=gettext_lazy("Que faut-il apporter\u00a0?"),
        max_length=200,
        required=False,
        help_text=gettext_lazy(
            "Exemple\u00a0: «\u00a0votre ordonnance et votre carte Vitale\u00a0»."
        ),
    )
    closing = LineField(
        label=gettext_lazy("Quand fermez-vous chaque année\u00a0?"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Exemple\u00a0: «\u00a0trois semaines en août\u00a0»."),
    )

    def __init__(self, *args: Any, names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._names = names

    def clean(self) -> dict[str, Any]:
        """Refuse what names a patient (G-08)."""
        data = super().clean() or {}
        for field, text in self.answers.free_texts.items():
            named = plain_text.people_named(text, known=self._names)
            if named:
                self.add_error(
                    field,
                    _(
                        "«\u00a0%(word)s\u00a0» semble désigner une personne. Ne nommez aucun patient ici."
                    )
                    % {"word": named[0]},
                )
        return data

    @property
    def answers(self) -> Answers:
        """Return the answers."""
        data = self.cleaned_data
        texts = ("languages", "transport", "prices", "to_bring", "closing")
        return Answers(
            receives=tuple(data.get("receives", ())),
            arrival=tuple(data.get("arrival", ())),
            payments=tuple(data.get("payments", ())),
            third_party=bool(data.get("third_party")),
            refund=data.get("refund", ""),
            **{name: plain_text.normalize(data.get(name, "")) for name in texts},
        )
