"""The kinds of outbox entries of the desk, in ``public``; ``object_id`` is the tenant's key."""

SETTLE = "desk.settle"
CHECK = "desk.check"
SUSPENDED = "desk.suspended"
RESUMED = "desk.resumed"
INVITE = "desk.invite"
"""Send the owner a new link, or withdraw it: the audience says which."""
