"""Kinds of outbox entries: the name, the type of the subject, the class of the payload, the bound of its messages.

No Django and no I/O: rules may declare kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from tenants.outbox.payloads import decode, field_types

P = TypeVar("P")

NAME_LENGTH = 40
"""The maximum length of the columns ``kind`` and ``subject_type``."""


@dataclass(frozen=True)
class Subject:
    """The row to which an entry refers: the name of its model in snake case, and its primary key."""

    type: str
    id: int


PLATFORM = "platform"
"""The subject type of messages to lib-rdv's staff, which refer to no row."""
PLATFORM_SUBJECT = Subject(PLATFORM, 0)


_HOUR, _DAY = 3600, 86_400


@dataclass(frozen=True)
class MessageRate:
    """At most ``most`` messages in each fixed window of ``seconds``, for each value of ``scope``.

    The scopes: "subject" (the appointment, waiting entry or account), "recipient" (an address, as a keyed hash),
    "network" (of the visitor who acts) and "practice".
    """

    scope: str
    most: int
    seconds: int


@dataclass(frozen=True)
class MessageBound:
    """How many messages may leave: the declaration that each kind makes, read by ``message_limits``.

    Kinds with one ``name`` share the counters of subject and recipient; all kinds share those of network and
    practice. ``by_visitor`` holds for what an anonymous visitor causes, ``by_member`` for a signed-in member. A
    kind without rates says in ``reason`` why it needs none.
    """

    name: str
    by_visitor: tuple[MessageRate, ...] = ()
    by_member: tuple[MessageRate, ...] = ()
    reason: str = ""

    @property
    def counts_recipients(self) -> bool:
        """Whether each delivery of the kind must name its recipient."""
        rates = (*self.by_visitor, *self.by_member)
        return any(rate.scope == "recipient" for rate in rates)


NETWORK_RATES = (MessageRate("network", 30, _HOUR), MessageRate("network", 100, _DAY))
"""A clinic, a town hall and a mobile carrier share one network."""
PRACTICE_RATE = MessageRate("practice", 600, _HOUR)
_MEMBERS_RATE = MessageRate("practice", 3000, _HOUR)
"""A day of 60 appointments that moves is 60 messages."""
SUBJECT_RATES = (MessageRate("subject", 4, _HOUR), MessageRate("subject", 10, _DAY))
"""A confirmation and three changes in an hour."""
RECIPIENT_RATES = (MessageRate("recipient", 6, _HOUR), MessageRate("recipient", 12, _DAY))
"""A parent who books for several children has one address for all."""
_MEMBER_SUBJECT = (MessageRate("subject", 30, _HOUR), MessageRate("subject", 60, _DAY))

ON_REQUEST = MessageBound(
    "asked",
    by_visitor=(*SUBJECT_RATES, *RECIPIENT_RATES, *NETWORK_RATES, PRACTICE_RATE),
    by_member=(*_MEMBER_SUBJECT, MessageRate("recipient", 120, _HOUR), _MEMBERS_RATE),
)
"""A message to a person that somebody causes by an act: counted when its entry is written."""

LAST_WORD = MessageBound(
    "asked",
    by_visitor=(*RECIPIENT_RATES, *NETWORK_RATES, PRACTICE_RATE),
    by_member=(MessageRate("recipient", 120, _HOUR), _MEMBERS_RATE),
)
"""As ``ON_REQUEST``, for what happens to a subject once: a cancellation is told also after several changes."""

TO_THE_PRACTICE = MessageBound(
    "practice",
    by_visitor=(*SUBJECT_RATES, MessageRate("recipient", 60, _HOUR), *NETWORK_RATES, PRACTICE_RATE),
    by_member=(MessageRate("recipient", 120, _HOUR), _MEMBERS_RATE),
)
"""A message to a practitioner that a visitor causes."""

FROM_A_COLLEAGUE = MessageBound(
    "colleague",
    by_visitor=(MessageRate("recipient", 60, _HOUR), *NETWORK_RATES, PRACTICE_RATE),
    by_member=(
        MessageRate("recipient", 60, _HOUR),
        MessageRate("recipient", 200, _DAY),
        _MEMBERS_RATE,
    ),
)
"""A message to a practitioner that a member causes; what is beyond stands among the changes of the day page."""

OFFERED = MessageBound(
    "offer",
    by_visitor=(MessageRate("recipient", 20, _DAY), *NETWORK_RATES, PRACTICE_RATE),
    by_member=(MessageRate("recipient", 20, _DAY), _MEMBERS_RATE),
)
"""An offer to a person who waits: the caller asks ``message_limits.admits`` before it holds the slot."""

NO_MESSAGE = MessageBound("none", reason="nobody receives a message")
ONCE_A_DAY = MessageBound("day", reason="the deduplication key holds the day")
ONE_PER_BOOKING = MessageBound(
    "booking", reason="one for each version of a coming appointment, of which a person has few"
)
BY_THE_OWNER = MessageBound(
    "owner",
    reason="one a minute to the address of the account, for a change that its owner has made",
)
BY_ACCOUNT_PAGES = MessageBound(
    "accounts", reason="counted by the account pages: by account, by address and by network"
)
ONCE_CANCELLED = MessageBound("once", reason="one for an appointment, when a member cancels it")
ALERT = MessageBound(
    "alert",
    reason="to lib-rdv's staff, or to the owner of a practice or calendar whose state has changed",
)


class OutboxKind(str, Generic[P]):
    """One kind of entry. Like a member of TextChoices it equals its name, so queries and columns accept it.

    ``bound`` says how many messages of the kind may leave; a kind cannot be declared without it. Raises ValueError
    for a name that is too long and for a bound with neither rates nor a reason, TypeError for a payload class that
    could carry personal data.
    """

    subject_type: str
    payload_type: type[P]
    bound: MessageBound

    def __new__(
        cls, name: str, subject_type: str, payload_type: type[P], bound: MessageBound
    ) -> Self:
        """Check and store name, subject type, payload class and bound."""
        if not 0 < len(name) <= NAME_LENGTH or not 0 < len(subject_type) <= NAME_LENGTH:
            raise ValueError(name)
        if not bound.by_visitor and not bound.reason:
            raise ValueError(bound.name)
        field_types(payload_type)
        kind = super().__new__(cls, name)
        kind.subject_type, kind.payload_type, kind.bound = subject_type, payload_type, bound
        return kind

    def read(self, stored: Mapping[str, Any]) -> P:
        """Return the payload of a stored JSON object. Raises PayloadError."""
        return decode(self.payload_type, stored)

    def __copy__(self) -> Self:
        """Return itself: a kind is immutable, and querysets copy their values."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return itself."""
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, type[P], MessageBound]]:
        """Pickle with subject type, payload class and bound."""
        return type(self), (str(self), self.subject_type, self.payload_type, self.bound)
