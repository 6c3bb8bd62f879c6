"""The practice's choices about people's data."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.edit_form import EditForm


class RetentionForm(EditForm):
    """A shorter retention; a longer one is refused (B-25)."""

    retention_days = forms.IntegerField(
        label=gettext_lazy("Garder les coordonnées au plus (jours après la prise du rendez-vous)"),
        min_value=7,
        help_text=gettext_lazy(
            "Ne peut que raccourcir. C’est la limite\u00a0: dans le cas courant, "
            "l’effacement vient bien avant, à la fin du rendez-vous."
        ),
    )
    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, longest: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.longest = longest

    def clean_retention_days(self) -> int:
        """Refuse to lengthen (B-25)."""
        days = int(self.cleaned_data["retention_days"])
        if days > self.longest:
            raise ValidationError(
                _("La durée ne peut que raccourcir\u00a0: %(days)s jours au plus.")
                % {"days": self.longest}
            )
        return days
