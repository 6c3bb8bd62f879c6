"""What the desk reads when a client's identity is refused or deserves a second reading (G-04, G-05)."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.clients.identity import IdentityReason

MESSAGES: dict[IdentityReason, Promise | str] = {
    IdentityReason.SIREN_LENGTH: _("Un SIREN a neuf chiffres."),
    IdentityReason.SIREN_KEY: _("Ce SIREN n’existe pas\u00a0: vérifiez chaque chiffre."),
    IdentityReason.SIREN_MISSING: _(
        "Le SIREN est obligatoire\u00a0: sans lui, aucune facture ne peut être émise."
    ),
    IdentityReason.SIRET_LENGTH: _("Un SIRET a quatorze chiffres."),
    IdentityReason.SIRET_KEY: _("Ce SIRET n’existe pas\u00a0: vérifiez chaque chiffre."),
    IdentityReason.SIRET_OF_ANOTHER: _(
        "Ce SIRET est celui d’une autre entreprise\u00a0: ses neuf premiers chiffres sont le SIREN."
    ),
    IdentityReason.VAT_COUNTRY: _(
        "Un numéro de TVA commence par les deux lettres de son pays. Exemple\u00a0: FR96552100554."
    ),
    IdentityReason.VAT_SHAPE: _("Ce numéro de TVA n’existe pas\u00a0: vérifiez chaque caractère."),
    IdentityReason.VAT_OF_ANOTHER: _("Ce numéro de TVA est celui d’un autre SIREN."),
    IdentityReason.VAT_MISSING: _(
        "Un client d’un autre pays de l’Union européenne a besoin d’un numéro de TVA."
    ),
    IdentityReason.RPPS_SHAPE: _("Un numéro RPPS a onze chiffres."),
    IdentityReason.RPPS_KEY: _(
        "La clé de ce numéro RPPS semble fausse\u00a0: relisez-le. Il est enregistré tel quel."
    ),
    IdentityReason.ADELI_SHAPE: _(
        "Un numéro ADELI a neuf caractères, par exemple 640012345 ou 2A0012345."
    ),
    IdentityReason.ADELI_ENDS: _(
        "Le répertoire ADELI s’arrête profession par profession\u00a0: demandez aussi le numéro RPPS."
    ),
}
