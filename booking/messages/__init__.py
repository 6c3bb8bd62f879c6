"""The texts and channels of messages: e-mail and SMS about one appointment or one waiting entry.

Owns the text of a message and the choice of its channel; it sends nothing and reads no clock.
``booking.notifications`` decides when a message leaves and records its outcome.
"""
