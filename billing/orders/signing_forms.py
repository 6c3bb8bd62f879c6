"""The form by which a signatory concludes the contract (F-32, F-33, G-03)."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from billing.orders.models import Order
from billing.orders.withdrawal import OFF_PREMISES
from tenants.form_fields import LineField
from tenants.work_form import WorkForm


class SignatureForm(WorkForm):
    """What the signatory states; ``shown`` is the digest of the form that the page showed."""

    shown = LineField(max_length=64, widget=forms.HiddenInput)
    headcount = forms.ChoiceField(
        label=gettext_lazy("Combien de salariés employez-vous\u00a0?"),
        choices=[
            ("few", gettext_lazy("Cinq au plus, ou aucun")),
            ("many", gettext_lazy("Six ou plus")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choisissez l’une des deux réponses.")},
    )
    starts_at_once = forms.BooleanField(
        label=gettext_lazy(
            "Je demande que le travail commence sans attendre la fin des quatorze jours. Si je me "
            "rétracte, je paierai la part déjà réalisée."
        ),
        required=False,
    )
    is_professional = forms.BooleanField(
        label=gettext_lazy(
            "J’agis pour les besoins de mon activité professionnelle et je suis majeur(e)."
        ),
        error_messages={"required": gettext_lazy("Sans cette attestation, pas de commande.")},
    )
    accepts = forms.BooleanField(
        label=gettext_lazy("J’ai lu ce bon de commande et ses annexes, et je les accepte."),
        error_messages={"required": gettext_lazy("Lisez le bon de commande, puis cochez.")},
    )

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if order.place_of_signature not in OFF_PREMISES:
            del self.fields["starts_at_once"]

    @property
    def is_at_most_five(self) -> bool:
        """Whether the signatory employs five persons at most; a valid form only."""
        return bool(self.cleaned_data["headcount"] == "few")
