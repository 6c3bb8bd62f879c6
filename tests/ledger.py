"""Rows of the ledger for tests, by the owner's login or by the services. All fictitious."""

import datetime as dt
from decimal import Decimal
from typing import Any

from billing.clients.models import Client, ClientAddress
from billing.invoicing.contents import DraftContent
from billing.invoicing.documents import DrawnInvoice
from billing.invoicing.models import Draft, Invoice, SellerProfile
from billing.invoicing.series import open_series
from billing.invoicing.services import issue, new_draft
from billing.invoicing.snapshot import InvoiceSnapshot, Line

NOW = dt.datetime(2026, 12, 1, 9, 0, tzinfo=dt.UTC)


def draw_nothing(snapshot: InvoiceSnapshot) -> DrawnInvoice:
    """Stand for the drawing of documents, which takes a hundred times longer; as deterministic as it."""
    text = f"{snapshot.number}|{snapshot.totals.gross}|{snapshot.buyer.name}".encode()
    return DrawnInvoice(b"%PDF " + text, b"<xml/>" + text)


def make_seller(**fields: Any) -> SellerProfile:
    """Create the profile of the seller, under the normal regime of VAT."""
    values: dict[str, Any] = {
        "valid_from": dt.date(2020, 1, 1),
        "name": "lib-rdv",
        "legal_form": "SARL",
        "capital": "5 000 €",
        "register": "RCS Bayonne 123 456 782",
        "siren": "123456782",
        "siret": "12345678200010",
        "vat_number": "FR54123456782",
        "vat_regime": "normal",
        "street": "12 rue des Thermes",
        "postcode": "64210",
        "town": "Bidart",
        "email": "facturation@lib-rdv.example",
        "iban": "FR7630006000011234567890189",
        "bic": "AGRIFRPP",
        "penalty_rate": Decimal("12.15"),
    }
    return SellerProfile.objects.create(**values | fields)


def make_buyer(name: str = "Anaïs Dupont-Lœuvre", **fields: Any) -> Client:
    """Create a client in Strasbourg with a complete legal identity and without a tenant."""
    values: dict[str, Any] = {
        "legal_name": name,
        "legal_form": "EI",
        "is_sole_trader": True,
        "siren": "552100554",
        "siret": "55210055400013",
        "territory": "FR",
        "territory_confirmed_at": NOW,
        "email": "anais@example.org",
        "created_at": NOW,
    }
    client = Client.objects.create(**values | fields)
    ClientAddress.objects.create(
        client=client,
        kind=ClientAddress.Kind.ESTABLISHMENT,
        street="4 bis rue Nationale",
        postcode="67000",
        town="Strasbourg",
    )
    return client


def make_line(price: str = "29.00", **fields: Any) -> Line:
    """Return a line of one subscription at 20 %."""
    values: dict[str, Any] = {
        "name": "Abonnement prise de rendez-vous",
        "quantity": Decimal(1),
        "unit_price": Decimal(price),
        "category": "S",
        "rate": Decimal(20),
    }
    return Line(**values | fields)


def make_draft(client: Client, *lines: Line) -> Draft:
    """Create a draft without a period, of one line unless some are given."""
    content = DraftContent(lines=lines or (make_line(),))
    return new_draft(client=client, content=content, now=NOW)


def open_ledger(*, year: int = 2026, **seller: Any) -> None:
    """Make the series of a year and of the next, and the seller."""
    open_series(year=year)
    open_series(year=year + 1)
    make_seller(**seller)


def issue_draft(draft: Draft, *, now: dt.datetime = NOW) -> Invoice:
    """Issue a draft without drawing its documents."""
    return issue(draft_ref=draft.ref, now=now, draw=draw_nothing)


LEDGER_TABLES = (
    "invoicing_allocation",
    "invoicing_payment",
    "invoicing_downloadlink",
    "invoicing_invoicefile",
    "invoicing_draft",
    "invoicing_invoice",
    "invoicing_series",
    "invoicing_sellerprofile",
    "invoicing_refrate",
    "catalogue_price",
    "catalogue_product",
    "clients_clientaddress",
    "clients_client",
)


def alter_as_owner(cursor: Any, *statements: str) -> None:
    """Run statements with the owner's login and the triggers of the ledger disabled, as a forger would."""
    _switch_triggers(cursor, "DISABLE")
    for statement in statements:
        cursor.execute(statement)
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _switch_triggers(cursor, "ENABLE")


def empty_ledger(cursor: Any) -> None:
    """Delete all committed rows of the ledger, its clients and its messages, with the owner's login."""
    alter_as_owner(cursor, *(f"DELETE FROM public.{table}" for table in LEDGER_TABLES))
    cursor.execute("DELETE FROM public.outbox_outboxentry WHERE kind LIKE 'invoicing.%'")


def _switch_triggers(cursor: Any, action: str) -> None:
    for table in LEDGER_TABLES:
        cursor.execute(f"ALTER TABLE public.{table} {action} TRIGGER USER")


def insert_document(cursor: Any, *, year: int = 2097) -> None:
    """Insert one row into each table of documents and settings, in the series of a far year."""
    cursor.execute("SELECT public.invoicing_open_series(%s)", [year])
    cursor.execute(
        "INSERT INTO public.invoicing_invoice (ref, series_id, position, number, issued_on, due_on, net, tax,"
        " gross, client_ref, snapshot, files_hash, prev_hash, hash, archive_until)"
        " SELECT gen_random_uuid(), id, 1, code || '-000001', last_on, last_on, 10, 2, 12, gen_random_uuid(),"
        " '{}', sha256('files'), head, sha256(head), last_on + 4000 FROM public.invoicing_series WHERE code = %s"
        " RETURNING id",
        [f"F{year}"],
    )
    (invoice,) = cursor.fetchone()
    cursor.execute(
        "INSERT INTO public.invoicing_invoicefile (invoice_id, kind, data, sha256)"
        " VALUES (%s, 'pdf', 'a', sha256('a'))",
        [invoice],
    )
    cursor.execute(
        'INSERT INTO public.invoicing_payment (ref, invoice_id, amount, "on", kind, reference, recorded_at)'
        " VALUES (gen_random_uuid(), %s, 12, '2097-02-01', 'transfer', '', now()) RETURNING id",
        [invoice],
    )
    cursor.execute(
        "INSERT INTO public.invoicing_allocation (payment_id, category, rate, amount) VALUES (%s, 'S', 20, 12)",
        [cursor.fetchone()[0]],
    )
    cursor.execute(
        "INSERT INTO public.invoicing_refrate (valid_from, ecb, legal) VALUES ('2097-01-01', 2, 3)"
    )
    cursor.execute(
        "INSERT INTO public.invoicing_sellerprofile (valid_from, name, legal_form, capital, register, siren,"
        " siret, vat_number, vat_regime, vat_on_debits, street, building, postcode, town, country, phone, email,"
        " ics, iban, bic, penalty_rate, discount_terms, payment_days, endpoint) VALUES ('2097-01-01', 'lib-rdv',"
        " 'SARL', '', '', '123456782', '12345678200010', '', 'franchise_293B', false, 'rue', '', '64210',"
        " 'Bidart', 'FR', '', '', '', '', '', 12, '', 30, '')"
    )
    cursor.execute(
        "INSERT INTO public.catalogue_product (code, name, kind, rhythm, unit, is_offered)"
        " VALUES ('plan-2097', 'Plan', 'service', 'month', 'practice', true) RETURNING id"
    )
    cursor.execute(
        "INSERT INTO public.catalogue_price (product_id, valid_from, net) VALUES (%s, '2097-01-01', 29)",
        [cursor.fetchone()[0]],
    )
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
