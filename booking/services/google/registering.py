"""Telling the outbox who does what of the calendar; called once, when the apps are ready."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

from booking import kinds
from booking.services.google.authorizing import Connect
from booking.services.google.differences import Adopt
from booking.services.google.leaving import Leave
from booking.services.google.letters import LETTERS
from booking.services.google.telling import Tell
from booking.services.google.writing import Clean, Push
from tenants.outbox import delivery
from tenants.outbox.delivery import Handler


def register(*, clock: Callable[[], datetime]) -> None:
    """What speaks to Google has workers of its own; mails go with the mails."""
    handlers: dict[str, Handler] = {
        kinds.CALENDAR_PUSH: Push(clock),
        kinds.CALENDAR_CLEAN: Clean(clock),
        kinds.CALENDAR_TELL: Tell(clock),
        kinds.CALENDAR_ADOPT: Adopt(clock),
        kinds.CALENDAR_CONNECT: Connect(clock),
        kinds.CALENDAR_LEAVE: Leave(clock),
    }
    for kind, handler in handlers.items():
        delivery.register(kind, handler, is_slow=True)
    for kind, letter in LETTERS.items():
        delivery.register(kind, cast("Handler", letter))
