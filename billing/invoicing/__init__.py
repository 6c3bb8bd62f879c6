"""Invoices and credit notes: drafts, numbers, the ledger of issued documents, and the documents themselves.

Owns the snapshot of an issued invoice, its XML and its PDF. ``snapshot``, ``mentions``, ``glyphs`` and ``page``
are pure; only ``invoice_xml`` and ``invoice_pdf`` know the libraries that write documents. ``billing.sepa`` and
``billing.dunning`` may call it; it calls ``billing.orders``, ``billing.catalogue`` and ``billing.clients``.
"""
