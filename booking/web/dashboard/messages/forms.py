"""The forms of the messages: the practice's own texts, and the filters of the ledger."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.formats import sms
from booking.messages.kind_labels import KIND_LABELS
from booking.rules import placeholders
from booking.web.dashboard.form_fields import HourField
from tenants.edit_form import EditForm
from tenants.form_fields import DayField, LineField, ParagraphField
from tenants.work_form import WorkForm


def _check_words(text: str) -> None:
    if unknown := placeholders.unknown_placeholders(text):
        known = ", ".join(f"{{{name}}}" for name in placeholders.PLACEHOLDERS)
        raise ValidationError(
            _("« {%(name)s} » n’est pas remplacé. Vous pouvez écrire\u00a0: %(known)s.")
            % {"name": unknown[0], "known": known}
        )
    if placeholders.has_stray_brace(text):
        raise ValidationError(
            _("Une accolade est seule. Écrivez par exemple {prenom}, avec ses deux accolades.")
        )
    if placeholders.has_link(text):
        raise ValidationError(
            _(
                "Pas d’adresse de site ici\u00a0: nos messages ne mènent qu’à votre page, pour que personne "
                "n’apprenne à cliquer ailleurs."
            )
        )


class TextForm(EditForm):
    """The text that a practice adds to one kind of message; the SMS field only where the practice sends SMS."""

    text = ParagraphField(
        label=gettext_lazy("Votre paragraphe, dans l’e-mail"),
        required=False,
        max_length=placeholders.LONGEST,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy(
            "Il s’ajoute à notre message, après la date et le lieu. 600 caractères au plus."
        ),
        error_messages={
            "max_length": gettext_lazy(
                "%(limit_value)d caractères au plus\u00a0: il y en a %(show_value)d."
            )
        },
    )
    sms_text = LineField(
        label=gettext_lazy("Vos mots, dans le SMS"),
        required=False,
        max_length=placeholders.LONGEST_SMS,
        help_text=gettext_lazy(
            "À la fin du SMS, s’ils tiennent dans ses 160 caractères. Les lettres qu’un SMS ne connaît "
            "pas sont remplacées\u00a0: voyez l’aperçu."
        ),
    )

    def __init__(
        self, *args: Any, size_of: Callable[[str], int], has_sms: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.size_of = size_of
        if not has_sms:
            del self.fields["sms_text"]

    def clean_text(self) -> str:
        """Refuse unknown placeholders, addresses and too many lines."""
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n").strip()
        _check_words(text)
        if len(placeholders.paragraphs(text)) > placeholders.MOST_LINES:
            raise ValidationError(
                _("%(count)d lignes au plus.") % {"count": placeholders.MOST_LINES}
            )
        return text

    def clean_sms_text(self) -> str:
        """Refuse a text that exceeds one SMS of 160 characters."""
        text = str(self.cleaned_data["sms_text"])
        _check_words(text)
        excess = self.size_of(text) - sms.ONE_MESSAGE
        if text and excess > 0:
            raise ValidationError(
                _("%(excess)d caractères de trop\u00a0: un SMS en compte 160 avec notre texte.")
                % {"excess": excess}
            )
        return text


ALL = "tous"
"""The state of a ledger that shows everything."""
STATES = (
    ("", gettext_lazy("Non remis, puis aujourd’hui")),
    (ALL, gettext_lazy("Tous")),
    ("non-remis", gettext_lazy("Non remis")),
    ("remis", gettext_lazy("Remis")),
    ("a-venir", gettext_lazy("À envoyer")),
    ("sans-suite", gettext_lazy("Devenus inutiles")),
)
KIND_CHOICES = (("", gettext_lazy("Tous")), *KIND_LABELS.items())


class LedgerFilterForm(WorkForm):
    """The filters of the ledger."""

    etat = forms.ChoiceField(label=gettext_lazy("État"), choices=STATES, required=False)
    type = forms.ChoiceField(label=gettext_lazy("Message"), choices=KIND_CHOICES, required=False)
    du = DayField(is_bounded=False, label=gettext_lazy("Du"), required=False)
    au = DayField(is_bounded=False, label=gettext_lazy("Au"), required=False)


class DigestForm(EditForm):
    """The mails to the user: the digest, whose hour is the practice's, and visits that a colleague hands over."""

    wants_digest = forms.BooleanField(
        label=gettext_lazy("Recevoir le résumé de la journée par e-mail"),
        required=False,
        help_text=gettext_lazy(
            "Combien de rendez-vous, l’heure du premier, les rappels non remis. Aucun nom. Rien les jours "
            "sans rendez-vous."
        ),
    )
    notifies_received = forms.BooleanField(
        label=gettext_lazy("M’écrire quand le cabinet me confie un rendez-vous d’un autre agenda"),
        required=False,
        help_text=gettext_lazy(
            "Le jour, l’heure et la référence. Aucun nom. Vos propres déplacements ne comptent pas."
        ),
    )
    minute = HourField(
        label=gettext_lazy("Heure du résumé, pour tout le cabinet"),
        help_text=gettext_lazy("À l’heure du cabinet."),
    )

    def __init__(self, *args: Any, can_choose_hour: bool, has_agenda: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not can_choose_hour:
            del self.fields["minute"]
        if not has_agenda:
            del self.fields["notifies_received"]

    def clean_minute(self) -> int:
        """Keep the hour inside the day."""
        minute = int(self.cleaned_data["minute"])
        if minute >= 24 * 60:
            raise ValidationError(_("Choisissez une heure avant minuit."))
        return minute
