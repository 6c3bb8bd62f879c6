"""The person of an appointment, in memory: what is sealed and what is opened."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Person:
    """B-01 and B-05: names, a phone (E.164) and an e-mail, either may be empty; ``relative`` is the
    first name of the person for whom the booking is made; ``previous_email`` is an address that has
    been corrected and must still be told; ``extras`` answers the published form.
    """

    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    email: str = ""
    relative: str = ""
    previous_email: str = ""
    extras: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the blob to seal."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Person":
        """Return the person of an opened blob."""
        return cls(**json.loads(data))

    @property
    def full_name(self) -> str:
        """First and last name, as the day list shows them."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known: staff may book without a name."""
        return self == Person()
