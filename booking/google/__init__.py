"""Synchronisation with Google Calendar: writes appointments, reads busy times (B-30 to B-36).

Owns GoogleAccount, Authorization, BusyInterval and Channel: consent, tokens, leases, pushes, polls and e-mails
about sync health. Only ``calendar_api`` and ``oauth`` call Google, from workers and outside any unit of work
(``names`` alone calls it for a page). The outbox, the actors and the dashboard call this package.
"""
