"""Registration of the outbox handlers of Google Calendar, called once when the apps are ready."""

from collections.abc import Callable
from datetime import datetime

from booking.google.authorization import ConnectionHandler
from booking.google.cancellation_message import CancellationHandler
from booking.google.differences import AdoptionHandler
from booking.google.disconnection import DisconnectionHandler
from booking.google.emails import ConflictEmail, LinkLostEmail, StuckAlert, SyncFailingEmail
from booking.google.push import EventCleanupHandler, EventPushHandler
from booking.rules import kinds
from tenants.outbox import delivery


def register(*, clock: Callable[[], datetime]) -> None:
    """Register the handlers that call Google as slow ones, for workers of their own; ``clock`` is theirs."""
    delivery.register(kinds.CALENDAR_PUSH, EventPushHandler(clock), is_slow=True)
    delivery.register(kinds.CALENDAR_CLEANUP, EventCleanupHandler(clock), is_slow=True)
    delivery.register(kinds.CALENDAR_NOTIFY, CancellationHandler(clock), is_slow=True)
    delivery.register(kinds.CALENDAR_ADOPT, AdoptionHandler(clock), is_slow=True)
    delivery.register(kinds.CALENDAR_CONNECT, ConnectionHandler(clock), is_slow=True)
    delivery.register(kinds.CALENDAR_DISCONNECT, DisconnectionHandler(clock), is_slow=True)
    delivery.register(kinds.CALENDAR_LOST, LinkLostEmail())
    delivery.register(kinds.CALENDAR_FAILING, SyncFailingEmail())
    delivery.register(kinds.CALENDAR_CONFLICT, ConflictEmail())
    delivery.register(kinds.CALENDAR_STUCK, StuckAlert())
