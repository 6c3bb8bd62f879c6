"""Rows of the ledger for tests, by the owner's login or by the services. All fictitious."""

from typing import Any


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
