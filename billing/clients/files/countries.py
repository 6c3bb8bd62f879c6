"""The countries of addresses that the forms offer, by ISO 3166-1 code, in French."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

COUNTRIES: dict[str, Promise | str] = {
    # The postcode tells the departments and territories overseas apart (F-12).
    "FR": _("France, outre-mer compris"),
    "MC": _("Monaco"),
    "DE": _("Allemagne"),
    "AD": _("Andorre"),
    "AT": _("Autriche"),
    "BE": _("Belgique"),
    "BG": _("Bulgarie"),
    "CA": _("Canada"),
    "CY": _("Chypre"),
    "HR": _("Croatie"),
    "DK": _("Danemark"),
    "ES": _("Espagne"),
    "EE": _("Estonie"),
    "FI": _("Finlande"),
    "GR": _("Grèce"),
    "HU": _("Hongrie"),
    "IE": _("Irlande"),
    "IT": _("Italie"),
    "LV": _("Lettonie"),
    "LT": _("Lituanie"),
    "LU": _("Luxembourg"),
    "MT": _("Malte"),
    "MA": _("Maroc"),
    "MU": _("Maurice"),
    "NL": _("Pays-Bas"),
    "PL": _("Pologne"),
    "PT": _("Portugal"),
    "CZ": _("République tchèque"),
    "RO": _("Roumanie"),
    "GB": _("Royaume-Uni"),
    "SK": _("Slovaquie"),
    "SI": _("Slovénie"),
    "SE": _("Suède"),
    "CH": _("Suisse"),
    "TN": _("Tunisie"),
}
