"""Territories and legal forms as the desk reads them, with the effect on VAT (F-11)."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.clients.identity import LegalForm
from billing.territories import Territory

_REDUCED = _("TVA 8,5\u00a0%")
_ARTICLE_294 = _("sans TVA, article 294-1 du CGI")
_OUT_OF_SCOPE = _("hors champ de la TVA")

TERRITORIES: dict[Territory, Promise | str] = {
    Territory.METROPOLE: _("France métropolitaine et Corse"),
    Territory.MONACO: _("Monaco"),
    Territory.GUADELOUPE: _("Guadeloupe"),
    Territory.MARTINIQUE: _("Martinique"),
    Territory.REUNION: _("La Réunion"),
    Territory.GUYANE: _("Guyane"),
    Territory.MAYOTTE: _("Mayotte"),
    Territory.SAINT_PIERRE: _("Saint-Pierre-et-Miquelon"),
    Territory.SAINT_BARTHELEMY: _("Saint-Barthélemy"),
    Territory.SAINT_MARTIN: _("Saint-Martin"),
    Territory.SOUTHERN_LANDS: _("Terres australes et antarctiques"),
    Territory.WALLIS: _("Wallis-et-Futuna"),
    Territory.POLYNESIE: _("Polynésie française"),
    Territory.CALEDONIE: _("Nouvelle-Calédonie"),
    Territory.UNION: _("Autre pays de l’Union européenne"),
    Territory.ELSEWHERE: _("Autre pays"),
}

VAT: dict[Territory, Promise | str] = {
    Territory.METROPOLE: _("TVA 20\u00a0%"),
    Territory.MONACO: _("TVA 20\u00a0%"),
    Territory.GUADELOUPE: _REDUCED,
    Territory.MARTINIQUE: _REDUCED,
    Territory.REUNION: _REDUCED,
    Territory.GUYANE: _ARTICLE_294,
    Territory.MAYOTTE: _ARTICLE_294,
    Territory.SAINT_PIERRE: _OUT_OF_SCOPE,
    Territory.SAINT_BARTHELEMY: _OUT_OF_SCOPE,
    Territory.SAINT_MARTIN: _OUT_OF_SCOPE,
    Territory.SOUTHERN_LANDS: _OUT_OF_SCOPE,
    Territory.WALLIS: _OUT_OF_SCOPE,
    Territory.POLYNESIE: _OUT_OF_SCOPE,
    Territory.CALEDONIE: _OUT_OF_SCOPE,
    Territory.UNION: _("autoliquidation"),
    Territory.ELSEWHERE: _OUT_OF_SCOPE,
}
"""VAT of lib-rdv's services there, when lib-rdv collects VAT; a test compares it with ``billing.vat``."""

LEGAL_FORMS: dict[LegalForm, Promise | str] = {
    LegalForm.SOLE_TRADER: _("Entrepreneur individuel (EI)"),
    LegalForm.EURL: "EURL",
    LegalForm.SARL: "SARL",
    LegalForm.SASU: "SASU",
    LegalForm.SAS: "SAS",
    LegalForm.SELARL: "SELARL",
    LegalForm.SELURL: "SELURL",
    LegalForm.SELAS: "SELAS",
    LegalForm.SELASU: "SELASU",
    LegalForm.SCP: "SCP",
    LegalForm.SCM: "SCM",
    LegalForm.SISA: "SISA",
    LegalForm.ASSOCIATION: _("Association"),
    LegalForm.PUBLIC: _("Établissement public"),
    LegalForm.FOREIGN: _("Société étrangère"),
    LegalForm.OTHER: _("Autre"),
}


def choices_of(labels: dict[Territory, Promise | str]) -> list[tuple[str, str]]:
    """Return territories as choices, each with its VAT."""
    return [(code.value, f"{label}\u00a0: {VAT[code]}") for code, label in labels.items()]
