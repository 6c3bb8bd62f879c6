"""SEPA Core direct debits: mandates, files for the bank, what the bank reports of them.

Owns the clocks of a mandate, the days of collection, identifiers and accounts, the file of collections and the
reader of reports. ``mandate_clock``, ``latin`` and ``return_codes`` are pure; only
``accounts`` and ``sepa_file`` know the libraries of banks. ``billing.dunning`` may call it; it calls
``billing.invoicing``.
"""
