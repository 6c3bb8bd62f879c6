"""What a practice reads of its own client's file, inside its own unit, from a view of ``for_tenants`` (ADR 87)."""

from django.db import connection

from billing.clients.files.territory_texts import LEGAL_FORMS
from billing.clients.identity import LegalForm, name_on_documents
from booking.practice.legal_identity import LegalIdentity

_QUERY = """
SELECT legal_name, is_sole_trader, legal_form, siren, vat_number, street, building, postcode, town, changed_at
FROM for_tenants.client_identity
"""


def own_identity() -> LegalIdentity | None:
    """Return the identity that staff confirmed for the practice whose unit is open; None before that."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY)
        row = cursor.fetchone()
    if row is None:
        return None
    name, is_sole_trader, form, siren, vat_number, street, building, postcode, town, at = row
    return LegalIdentity(
        name=name_on_documents(name, is_sole_trader=is_sole_trader),
        legal_form=str(LEGAL_FORMS[LegalForm(form)]) if form else "",
        siren=siren,
        vat_number=vat_number,
        street=street,
        building=building,
        postcode=postcode,
        town=town,
        is_confirmed=True,
        changed_at=at,
    )
