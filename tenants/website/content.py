"""The content of a practice's website as one value, built from the draft or read from the publication.

A publication stores one JSON document: publishing replaces it atomically, and the patients' page reads it in
one query.
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
"""The texts of the website with their labels, in the order of the editing page."""
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
MAX_CHARACTERS = 8000
"""The limit for all texts together: with its style sheet a patient's page stays below 50 kB."""


@dataclass(frozen=True)
class Image:
    """A picture on a page: its ref, texts and two sizes in pixels."""

    ref: str
    alt: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0
    small_width: int = 0
    small_height: int = 0


@dataclass(frozen=True)
class PresentedPerson:
    """A practitioner on the website; ``numbers`` holds (kind, value) of the displayed numbers only."""

    ref: str
    name: str
    profession: str = ""
    presentation: str = ""
    numbers: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """Return the label of the profession; empty for an unlisted profession."""
        known = professions.profession(self.profession)
        return "" if known is professions.OTHER else str(known.label)

    @property
    def shown_numbers(self) -> list[tuple[str, str]]:
        """Return the displayed numbers as (label, value)."""
        return [(str(NUMBER_LABELS[Number(kind)]), value) for kind, value in self.numbers]

    @property
    def is_presented(self) -> bool:
        """Whether the website shows a presentation or a number of this practitioner."""
        return bool(self.presentation or self.numbers)


@dataclass(frozen=True)
class Content:
    """The content of the website that the practice edits."""

    presentation: str = ""
    access: str = ""
    prices: str = ""
    payment: str = ""
    practical: str = ""
    colour: str = ""
    photo: Image | None = None
    logo: Image | None = None
    people: tuple[PresentedPerson, ...] = ()

    @property
    def character_count(self) -> int:
        """Return the number of characters of all texts."""
        own = sum(len(person.presentation) for person in self.people)
        return own + sum(len(getattr(self, name)) for name in TEXTS)

    @property
    def is_empty(self) -> bool:
        """Whether the website would show neither a text, a picture, a colour nor a presentation."""
        return not any(getattr(self, name) for name in PARTS if name != "people") and not any(
            person.is_presented for person in self.people
        )

    @property
    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that identify this content: forms detect concurrent edits with them."""
        written = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document of a publication."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Content":
        """Read a stored document; a missing part stays empty."""
        people = tuple(
            PresentedPerson(
                **{**person, "numbers": tuple((kind, value) for kind, value in person["numbers"])}
            )
            for person in stored.get("people", ())
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
    """A practitioner of the practice, passed in by ``booking``."""

    ref: uuid.UUID
    name: str
    title: str = ""


@dataclass(frozen=True)
class PracticeFacts:
    """Facts from the practice's settings: they prefill a new draft and satisfy mandatory mentions."""

    presentation: str = ""
    payment: str = ""
    people: Sequence[Listed] = ()
    mentions: frozenset[Mention] = frozenset()
    """The mentions that the pages show from the settings, without a text of the website."""
    profession: str = ""


@dataclass(frozen=True)
class MissingMention:
    """A mandatory mention that the website lacks.

    ``words`` is its label, ``part`` the part of the editing page, ``person`` and ``name`` the practitioner of
    a missing number.
    """

    words: Promise | str
    part: str
    person: str = ""
    name: str = ""


@dataclass(frozen=True)
class PartChange:
    """A part of the draft that differs from the publication; ``kind`` is added, changed or removed."""

    part: str
    kind: str

    @property
    def label(self) -> str:
        """Return the label of the part."""
        return str(PARTS[self.part])


ADDED, CHANGED, REMOVED = "added", "changed", "removed"


def changes(draft: Content, published: Content | None) -> list[PartChange]:
    """Return the parts that publishing the draft would change."""
    before = published or Content()
    found = []
    for part in PARTS:
        old, new = getattr(before, part), getattr(draft, part)
        if part == "people":
            old, new = _presented(old), _presented(new)
        if old == new:
            continue
        kind = ADDED if not old else REMOVED if not new else CHANGED
        found.append(PartChange(part, kind))
    return found


def missing(
    draft: Content, *, known: PracticeFacts, cards: Iterable["NumberedCard"]
) -> list[MissingMention]:
    """Return the missing mandatory mentions, and the missing mandatory numbers per practitioner (E-33)."""
    found: dict[Mention, MissingMention] = {}
    numbers: list[MissingMention] = []
    for card in cards:
        rule = professions.profession(card.profession)
        for mention in rule.mandatory:
            if mention in known.mentions or _says(draft, mention):
                continue
            found[mention] = MissingMention(MENTION_LABELS[mention], mention.value)
        numbers += [
            MissingMention(NUMBER_LABELS[kind], "number", person=card.ref, name=card.name)
            for kind in rule.forced
            if not card.values.get(kind)
        ]
    return [*found.values(), *numbers]


@dataclass(frozen=True)
class NumberedCard:
    """A practitioner with all numbers, displayed or not, for the rules of the profession."""

    ref: str
    name: str
    profession: str
    values: Mapping[Number, str] = field(default_factory=dict)


def _says(draft: Content, mention: Mention) -> bool:
    return mention in {Mention.PRICES, Mention.PAYMENT} and bool(getattr(draft, mention.value))


def _presented(people: tuple[PresentedPerson, ...]) -> tuple[PresentedPerson, ...]:
    """Return the presented practitioners: the others do not appear on the website."""
    return tuple(person for person in people if person.is_presented)
