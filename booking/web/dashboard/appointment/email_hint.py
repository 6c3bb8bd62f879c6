"""A hint after staff have typed an address with a likely typing error; what they did stays done."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from booking.rules.mail_domains import likely_address


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
