"""Kinds of outbox entries: the name, the type of the subject and the class of the payload.

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


class OutboxKind(str, Generic[P]):
    """One kind of entry. Like a member of TextChoices it equals its name, so queries and columns accept it.

    Raises ValueError for a name that is too long, TypeError for a payload class that could carry personal data.
    """

    subject_type: str
    payload_type: type[P]

    def __new__(cls, name: str, subject_type: str, payload_type: type[P]) -> Self:
        """Check and store name, subject type and payload class."""
        if not 0 < len(name) <= NAME_LENGTH or not 0 < len(subject_type) <= NAME_LENGTH:
            raise ValueError(name)
        field_types(payload_type)
        kind = super().__new__(cls, name)
        kind.subject_type, kind.payload_type = subject_type, payload_type
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

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, type[P]]]:
        """Pickle with subject type and payload class."""
        return type(self), (str(self), self.subject_type, self.payload_type)
