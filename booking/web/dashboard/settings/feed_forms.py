"""The level of detail of a feed, and the client's instruction for names (B-33)."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.rules.erasure import Level
from tenants.edit_form import EditForm

LEVELS = (
    (Level.REFERENCE, gettext_lazy("La référence seulement, «\u00a0Réservé (réf. K7P-3QD)\u00a0»")),
    (Level.INITIALS, gettext_lazy("Les initiales, «\u00a0RDV C. S.\u00a0»")),
    (Level.NAMED, gettext_lazy("Le nom, le téléphone et le motif")),
)


class FeedForm(EditForm):
    """The level of detail of the events of a feed."""

    level = forms.TypedChoiceField(
        label=gettext_lazy("Ce que dit chaque rendez-vous"),
        choices=LEVELS,
        coerce=lambda value: Level(int(value)),
        widget=forms.RadioSelect,
        initial=Level.REFERENCE,
    )
    is_instructed = forms.BooleanField(
        label=gettext_lazy("Je demande que les noms et les téléphones soient dans ce flux."),
        required=False,
        help_text=gettext_lazy(
            "Pour la troisième réponse seulement. Votre demande est notée au journal, et vos patients en "
            "sont informés."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_instructed_before:
            self.fields["is_instructed"].initial = True

    @property
    def is_instructed_before(self) -> bool:
        """Whether names are in the feed by an instruction that was given."""
        return bool(self.initial.get("level") == Level.NAMED)

    def clean(self) -> dict[str, Any]:
        """Refuse names without the instruction of the client."""
        data = super().clean() or {}
        if data.get("level") is Level.NAMED and not data.get("is_instructed"):
            self.add_error(
                "is_instructed",
                _("Cochez cette case pour y mettre les noms, ou choisissez les initiales."),
            )
        return data
