"""The first tab of a client's file: legal identity, contact, addresses, territory."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.clients.files import queries
from billing.clients.files.territory_texts import LEGAL_FORMS, TERRITORIES, VAT
from billing.clients.identity import LegalForm, contradictions, name_on_documents
from billing.clients.identity_texts import MESSAGES
from billing.clients.models import Client
from billing.clients.tabs import ClientTab
from billing.territories import Territory
from tenants.desk.fragments import Fragment


def identity(client: Client, now: datetime) -> Fragment:
    """Return the identity as documents write it, with what they still need."""
    territory = Territory(client.territory) if client.territory else None
    context = {
        "client": client,
        "name": name_on_documents(client.legal_name, is_sole_trader=client.is_sole_trader),
        "legal_form": LEGAL_FORMS[LegalForm(client.legal_form)] if client.legal_form else "",
        "establishment": queries.establishment_of(client),
        "billing": queries.billing_address_of(client),
        "territory": TERRITORIES[territory] if territory else "",
        "vat": VAT[territory] if territory else "",
        "warnings": list(_warnings(client, territory)),
    }
    return Fragment("clients/tabs/identity.html", context)


def _warnings(client: Client, territory: Territory | None) -> Iterator[Promise | str]:
    if queries.establishment_of(client) is None:
        yield _("L’adresse de l’établissement manque\u00a0: sans elle, pas de facture.")
    if territory:
        for reason in contradictions(
            territory=territory,
            siren=client.siren,
            siret=client.siret,
            vat_number=client.vat_number,
        ):
            yield MESSAGES[reason]
    for other in queries.others_with_siren(client):
        yield _("Un autre dossier a le même SIREN\u00a0: %(name)s.") % {"name": other.legal_name}


TAB = ClientTab("identite", gettext_lazy("Identité"), order=10, read=identity)
