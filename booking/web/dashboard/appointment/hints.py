"""Hints after staff have typed something about a person; what they did stays done."""

from collections.abc import Iterable, Mapping

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from booking.models import ExtraField, Location
from booking.rules.mail_domains import likely_address
from booking.web.person_fields import postcode_of


def hint_about_email(request: HttpRequest, email: str) -> None:
    """Show both domains, never the address, which would stay in the session."""
    likely = likely_address(email)
    if likely:
        domains = {
            "typed": email.rpartition("@")[2],
            "likely": likely.rpartition("@")[2],
        }
        messages.warning(
            request,
            _(
                "L’e-mail finit par «\u00a0%(typed)s\u00a0»\u00a0: vouliez-vous dire "
                "«\u00a0%(likely)s\u00a0»\u00a0? Si oui, corrigez les coordonnées."
            )
            % domains,
        )


def hint_about_address(
    request: HttpRequest,
    *,
    location: Location,
    extra_fields: Iterable[ExtraField],
    answers: Mapping[str, str],
) -> None:
    """Say that the address of a home visit is missing, or outside the served postcodes; staff decide (B-14)."""
    if not location.is_home:
        return
    keys = [field.key for field in extra_fields if field.kind == ExtraField.FieldKind.ADDRESS]
    address = next((answers[key] for key in keys if answers.get(key)), "")
    if keys and not address:
        messages.warning(
            request,
            _(
                "L’adresse de cette visite est à compléter\u00a0: ouvrez le rendez-vous, puis "
                "«\u00a0Corriger\u00a0»."
            ),
        )
    postcode = postcode_of(address)
    if postcode and location.served_postcodes and postcode not in location.served_postcodes:
        messages.warning(
            request,
            _("Cette adresse est hors des communes où vous faites des visites à domicile."),
        )
