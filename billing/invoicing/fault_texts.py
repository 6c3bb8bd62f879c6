"""What the desk reads when an invoice cannot be issued, or a text cannot be drawn (F-02)."""

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.glyphs import undrawable
from billing.invoicing.snapshot_checks import InvoiceFault

MESSAGES: dict[InvoiceFault, Promise | str] = {
    InvoiceFault.NO_LINE: gettext_lazy("Ajoutez au moins une ligne."),
    InvoiceFault.AMOUNT: gettext_lazy(
        "Chaque ligne a une désignation, une quantité positive et un prix positif ou nul, à quatre "
        "décimales au plus."
    ),
    InvoiceFault.DISCOUNT: gettext_lazy(
        "Une remise a un motif, et ne dépasse pas le montant de sa ligne."
    ),
    InvoiceFault.DUE_BEFORE_ISSUE: gettext_lazy("L’échéance est avant la date d’émission."),
    InvoiceFault.PERIOD: gettext_lazy("La période se termine avant de commencer."),
    InvoiceFault.LINE_PERIOD: gettext_lazy("La période d’une ligne sort de celle de la facture."),
    InvoiceFault.NOTES: gettext_lazy(
        "Une mention obligatoire manque ou figure deux fois\u00a0: vérifiez le profil de facturation."
    ),
    InvoiceFault.SELLER_ADDRESS: gettext_lazy("Votre nom ou votre adresse est incomplet."),
    InvoiceFault.SELLER_SIREN: gettext_lazy("Votre SIREN manque au profil de facturation."),
    InvoiceFault.BUYER_ADDRESS: gettext_lazy("Le nom ou l’adresse du client est incomplet."),
    InvoiceFault.BUYER_SIREN: gettext_lazy("Le SIREN du client manque."),
    InvoiceFault.BUYER_ENDPOINT: gettext_lazy(
        "L’adresse de facturation électronique ou l’e-mail du client manque."
    ),
    InvoiceFault.BUYER_VAT_NUMBER: gettext_lazy("Le numéro de TVA du client manque."),
    InvoiceFault.SEPARATE: gettext_lazy(
        "Ces lignes ne peuvent pas figurer sur une même facture\u00a0: faites une facture à part pour "
        "les débours."
    ),
    InvoiceFault.PAID: gettext_lazy("Le montant déjà payé dépasse le total."),
    InvoiceFault.PAYMENT: gettext_lazy(
        "Choisissez un moyen de paiement, prélèvement ou virement\u00a0; un avoir n’en a pas."
    ),
    InvoiceFault.NUMBER: gettext_lazy("Le numéro de la facture n’a pas la forme attendue."),
    InvoiceFault.UNDRAWABLE: gettext_lazy(
        "Un nom ou un libellé contient un caractère qu’un document ne peut pas montrer."
    ),
}


def validate_drawable(text: str) -> None:
    """Refuse a text with a character that no document can show, an emoji as an example. For form fields."""
    if refused := undrawable(text):
        raise ValidationError(
            _(
                "Nos documents ne peuvent pas montrer ce caractère\u00a0: %(characters)s. Retirez-le ou "
                "écrivez-le en lettres."
            )
            % {"characters": " ".join(refused)}
        )
