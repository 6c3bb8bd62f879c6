"""What the pages say: one value, made from the draft or read from what is published.

Published content is one JSON document, so that publishing replaces everything at once and the patients'
page reads it in one query.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.website import professions
from tenants.website.professions import MENTION_LABELS, NUMBER_LABELS, Mention, Number

TEXTS: Mapping[str, Promise | str] = {
    "presentation": _("Présentation"),
    "access": _("Accès"),
    "prices": _("Tarifs"),
    "payment": _("Moyens de paiement"),
    "practical": _("Informations pratiques"),
}
"""The texts of the pages, in the order in which they are edited."""
TEXT_LENGTHS: Mapping[str, int] = {
    "presentation": 2000,
    "access": 800,
    "prices": 800,
    "payment": 400,
    "practical": 1000,
}
PARTS: Mapping[str, Promise | str] = {
    **TEXTS,
    "people": _("Praticiens"),
    "photo": _("Photo"),
    "logo": _("Logo"),
    "colour": _("Couleur"),
}
MOST_LETTERS = 8000
"""Of all texts together: with its style sheet a patient's page weighs less than 50 kB."""


@dataclass(frozen=True)
class Image:
    """A picture as a page shows it: where it is, what it shows, its two sizes."""

    ref: str
    alt: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0
    small_width: int = 0
    small_height: int = 0


@dataclass(frozen=True)
class Person:
    """A practitioner as the pages present them; ``numbers`` holds only those that are shown."""

    ref: str
    name: str
    profession: str = ""
    presentation: str = ""
    numbers: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """Return the profession in words; empty when it is another one."""
        known = professions.profession(self.profession)
        return "" if known is professions.OTHER else str(known.label)

    @property
    def shown_numbers(self) -> list[tuple[str, str]]:
        """Return the numbers with their labels."""
        return [(str(NUMBER_LABELS[Number(kind)]), value) for kind, value in self.numbers]

    @property
    def is_presented(self) -> bool:
        """Whether there is more to say than a name."""
        return bool(self.presentation or self.numbers)


@dataclass(frozen=True)
class Content:
    """Everything that the practice decides about its pages."""

    presentation: str = ""
    access: str = ""
    prices: str = ""
    payment: str = ""
    practical: str = ""
    colour: str = ""
    photo: Image | None = None
    logo: Image | None = None
    people: tuple[Person, ...] = ()

    @property
    def letters(self) -> int:
        """Return the length of all texts."""
        own = sum(len(person.presentation) for person in self.people)
        return own + sum(len(getattr(self, name)) for name in TEXTS)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that a patient would see."""
        return not any(getattr(self, name) for name in PARTS if name != "people") and not any(
            person.is_presented for person in self.people
        )

    @property
    def fingerprint(self) -> str:
        """Return what tells this content from any other: what somebody saw before they published."""
        written = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Return the document that is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Content":
        """Read a stored document; a part that it does not have yet stays empty."""
        people = tuple(
            Person(**{**one, "numbers": tuple((kind, value) for kind, value in one["numbers"])})
            for one in stored.get("people", ())
        )
        texts = {name: str(stored.get(name, "")) for name in (*TEXTS, "colour")}
        photo, logo = stored.get("photo"), stored.get("logo")
        return cls(
            **texts,
            photo=Image(**photo) if photo else None,
            logo=Image(**logo) if logo else None,
            people=people,
        )


@dataclass(frozen=True)
class Listed:
    """An agenda of the practice, as booking knows it."""

    ref: uuid.UUID
    name: str
    title: str = ""


@dataclass(frozen=True)
class Known:
    """What the practice's settings say already: it starts the draft and answers the mandatory mentions."""

    presentation: str = ""
    payment: str = ""
    people: Sequence[Listed] = ()
    mentions: frozenset[Mention] = frozenset()
    """The mentions that the pages carry without any text of ours."""
    profession: str = ""


@dataclass(frozen=True)
class Missing:
    """One thing without which the pages cannot be published, in words, and where it is filled in."""

    words: Promise | str
    part: str
    person: str = ""
    who: str = ""


@dataclass(frozen=True)
class Change:
    """One part that differs from what is published: added, changed or taken away."""

    part: str
    kind: str

    @property
    def label(self) -> str:
        """Return the part's name."""
        return str(PARTS[self.part])


ADDED, CHANGED, REMOVED = "added", "changed", "removed"


def changes(draft: Content, published: Content | None) -> list[Change]:
    """Return what publishing the draft would change."""
    before = published or Content()
    found = []
    for part in PARTS:
        old, new = getattr(before, part), getattr(draft, part)
        if part == "people":
            old, new = _presented(old), _presented(new)
        if old == new:
            continue
        kind = ADDED if not old else REMOVED if not new else CHANGED
        found.append(Change(part, kind))
    return found


def missing(draft: Content, *, known: Known, cards: Iterable["NumberedCard"]) -> list[Missing]:
    """Return the mandatory mentions that are not there (E-33), person by person for their numbers."""
    found: dict[Mention, Missing] = {}
    numbers: list[Missing] = []
    for card in cards:
        rule = professions.profession(card.profession)
        for mention in rule.mandatory:
            if mention in known.mentions or _says(draft, mention):
                continue
            found[mention] = Missing(MENTION_LABELS[mention], mention.value)
        numbers += [
            Missing(NUMBER_LABELS[kind], "number", person=card.ref, who=card.name)
            for kind in rule.forced
            if not card.values.get(kind)
        ]
    return [*found.values(), *numbers]


@dataclass(frozen=True)
class NumberedCard:
    """Whose numbers there are, shown or not: what the rules of a profession look at."""

    ref: str
    name: str
    profession: str
    values: Mapping[Number, str] = field(default_factory=dict)


def _says(draft: Content, mention: Mention) -> bool:
    return mention in {Mention.PRICES, Mention.PAYMENT} and bool(getattr(draft, mention.value))


def _presented(people: tuple[Person, ...]) -> tuple[Person, ...]:
    """Somebody who has joined or left without a word on the pages changes nothing there."""
    return tuple(person for person in people if person.is_presented)
