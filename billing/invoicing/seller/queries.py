"""Reading the seller's profiles and the reference rates, inside the unit ``public``."""

import datetime as dt
from typing import Any

from billing.invoicing.models import RefRate, SellerProfile

COLUMNS = (
    "name",
    "legal_form",
    "capital",
    "register",
    "siren",
    "siret",
    "vat_number",
    "vat_regime",
    "vat_on_debits",
    "street",
    "building",
    "postcode",
    "town",
    "phone",
    "email",
    "ics",
    "iban",
    "bic",
    "penalty_rate",
    "discount_terms",
    "payment_days",
)
"""What staff write; the country is France, and the address in the directory is the SIREN."""


def profile_on(day: dt.date) -> SellerProfile | None:
    """Return the profile that documents of a day in Paris use; None before the first one."""
    return SellerProfile.objects.filter(valid_from__lte=day).first()


def profiles() -> list[SellerProfile]:
    """Return all profiles, the newest first: they are few."""
    return list(SellerProfile.objects.all())


def rates() -> list[RefRate]:
    """Return all reference rates, the newest first: two a year."""
    return list(RefRate.objects.all())


def latest_values() -> dict[str, Any]:
    """Return the values of the profile that begins last, by the name of the field; nothing without a profile."""
    latest = SellerProfile.objects.first()
    return {name: getattr(latest, name) for name in COLUMNS} if latest else {}
