"""Delivery of messages: their due time, their recipient and their outcome.

Owns the handlers of message outbox entries, the ledger of messages and the digest of the day.
The outbox worker calls the handlers; pages read the ledger.
"""
