"""Booking, moving, cancelling and changing appointments; each service runs in one transaction.

Owns all changes of an Appointment, their audit events and their outbox entries. ``book`` imports nothing of the
waiting list; ``move`` and ``cancel`` offer the freed slot to it.
Pages, the API and the handlers of outbox entries call it.
"""
