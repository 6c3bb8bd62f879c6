"""The person of an appointment: the data that are sealed, and the questions that no form may ask (B-03, B-04).

Denied questions have no exception: it would need lib-rdv's review and health-data hosting, which do not exist.
"""

import json
import re
import unicodedata
from dataclasses import dataclass, field

_BETWEEN = "\x1f"
_FORMAT = "1"
_FIELDS = ("first_name", "last_name", "phone", "email", "relative", "previous_email")
_DENIED = (
    r"\bn\.?i\.?r\b|securite sociale|num(ero)? (de )?secu|carte vitale|\bnss\b|\bins\b|\bine\b",
    r"naissance|\bne\(?e?\)? le\b|\bage\b|\bddn\b|birth",
    r"symptom|diagnos|patholog|maladie|antecedent|allerg|handicap|douleur|blessure|motif medical",
    r"grossesse|enceinte|pregnan|contracept",
    r"medicament|traitement|ordonnance|posologie|vaccin",
    r"religion|confession|croyance|ethni|origine|nationalite|opinion|syndica|orientation|sexuel",
    r"\bsexe\b|\bgenre\b|\bpoids\b|\btaille\b|\bimc\b",
    r"mutuelle|assurance|\biban\b|carte bancaire|revenu|profession du|situation (de )?famil",
    r"mot de passe|password|casier|condamnation",
)
_PATTERN = re.compile("|".join(f"(?:{part})" for part in _DENIED))


@dataclass(frozen=True)
class Person:
    """Names, a phone (E.164) and an e-mail, of which one may be empty (B-01).

    ``relative`` is the first name of the person for whom the booking is made (B-05). ``previous_email`` holds
    the replaced addresses that must still be notified, separated by spaces. ``extras`` holds the answers to
    the extra fields by key.
    """

    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    email: str = ""
    relative: str = ""
    previous_email: str = ""
    extras: dict[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The e-mail address in lower case and the phone, those that are given: what a limit counts."""
        return tuple(address for address in (self.email.casefold(), self.phone) if address)

    def to_bytes(self) -> bytes:
        """Return the bytes to seal: the fields in a fixed order, which are read faster than JSON."""
        extras = json.dumps(self.extras, ensure_ascii=False) if self.extras else ""
        fields = (getattr(self, name).replace(_BETWEEN, " ") for name in _FIELDS)
        return _BETWEEN.join((_FORMAT, *fields, extras)).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Person":
        """Return the person of opened bytes. Raises ValueError for bytes of another format.

        Bypasses the frozen ``__init__``, because an agenda opens a thousand persons at once.
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
        """The replaced addresses that must still be notified, oldest first."""
        return self.previous_email.split()

    @property
    def full_name(self) -> str:
        """First and last name, in the order of the day list."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_empty(self) -> bool:
        """Whether no field is set: staff may book without a name."""
        return self == Person()


def is_denied(*texts: str) -> bool:
    """Return whether a label, a key or a choice asks for data that B-03 refuses."""
    return any(_PATTERN.search(_plain(text)) for text in texts)


def _plain(text: str) -> str:
    """Return the text in lower case without accents; only letters, digits, brackets and full stops stay."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9().]+", " ", bare)
