"""The waiting list: entries, their order, and offers of freed slots (T8, P6).

Owns WaitingEntry and Offer. A freed slot is offered to one person at a time.
Appointments and pages call it.
"""
