"""What people read when an account is refused or a collection comes back (F-47, F-48, T-17)."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.sepa.accounts import AccountFault

ACCOUNT_FAULTS: dict[AccountFault, Promise | str] = {
    AccountFault.SHAPE: _(
        "Cet IBAN n’a pas la forme attendue\u00a0: un IBAN français a 27 caractères."
    ),
    AccountFault.KEY: _("La clé de cet IBAN est fausse\u00a0: vérifiez chaque caractère."),
    AccountFault.OUTSIDE_SEPA: _(
        "Ce compte est dans un pays sans prélèvement SEPA\u00a0: le client paie par virement."
    ),
    AccountFault.PACIFIC: _(
        "Un compte en francs Pacifique ne peut pas être prélevé\u00a0: le client paie par virement."
    ),
}

UNKNOWN_REASON: Promise | str = _("raison non précisée par la banque")

_REASONS: dict[str, Promise | str] = {
    "AC01": _("numéro de compte incorrect"),
    "AC04": _("compte clos"),
    "AC06": _("compte bloqué"),
    "AG01": _("compte qui n’accepte pas les prélèvements"),
    "AM04": _("provision insuffisante"),
    "AM05": _("opération en double"),
    "BE05": _("identifiant créancier non reconnu"),
    "DUPL": _("opération en double"),
    "MD01": _("mandat inconnu ou révoqué"),
    "MD06": _("remboursement demandé par le titulaire du compte"),
    "MD07": _("titulaire du compte décédé"),
    "MS02": _("prélèvement refusé par le titulaire du compte"),
    "MS03": UNKNOWN_REASON,
    "RC01": _("banque non reconnue"),
    "SL01": _("prélèvements de ce créancier refusés par le titulaire du compte"),
}


def reason_in_words(code: str) -> Promise | str:
    """Return the reason of a return, to stand inside a sentence."""
    return _REASONS.get(code.strip().upper(), UNKNOWN_REASON)
