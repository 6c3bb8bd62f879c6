"""The person of an appointment, in memory: what is sealed and what is opened."""

import json
from dataclasses import dataclass, field

_BETWEEN = "\x1f"
_FORMAT = "1"
_FIELDS = ("first_name", "last_name", "phone", "email", "relative", "previous_email")


@dataclass(frozen=True)
class Person:
    """B-01 and B-05: names, a phone (E.164) and an e-mail, either may be empty; ``relative`` is the
    first name of the person for whom the booking is made; ``previous_email`` holds the addresses
    that have been corrected and must still be told, a space between them; ``extras`` answers the published form.
    """

    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    email: str = ""
    relative: str = ""
    previous_email: str = ""
    extras: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the blob to seal: fields in their order, which opens far faster than JSON does."""
        extras = json.dumps(self.extras, ensure_ascii=False) if self.extras else ""
        fields = (getattr(self, name).replace(_BETWEEN, " ") for name in _FIELDS)
        return _BETWEEN.join((_FORMAT, *fields, extras)).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Person":
        """Return the person of an opened blob; ValueError when it is none.

        Written out, around the frozen ``__init__``: an agenda opens a thousand of them at once.
        """
        person = object.__new__(cls)
        known = person.__dict__
        (
            written_as,
            known["first_name"],
            known["last_name"],
            known["phone"],
            known["email"],
            known["relative"],
            known["previous_email"],
            extras,
        ) = data.decode("utf-8", "surrogatepass").split(_BETWEEN)
        if written_as != _FORMAT:
            raise ValueError("a person written in another format")
        known["extras"] = json.loads(extras) if extras else {}
        return person

    @property
    def previous_emails(self) -> list[str]:
        """The addresses that must still be told, oldest first."""
        return self.previous_email.split()

    @property
    def full_name(self) -> str:
        """First and last name, as the day list shows them."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known: staff may book without a name."""
        return self == Person()
