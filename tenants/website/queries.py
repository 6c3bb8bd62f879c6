"""Queries of the website: draft, publication, their differences and warnings."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from tenants.website import content as contents
from tenants.website import plain_text, professions
from tenants.website.content import (
    TEXTS,
    Content,
    Image,
    MissingMention,
    PartChange,
    PracticeFacts,
    PresentedPerson,
)
from tenants.website.models import Card, Draft, Picture, PictureFile, Publication
from tenants.website.professions import Number


@dataclass(frozen=True)
class Warned:
    """A warning about a word of one part; ``names_somebody``: it looks like a patient's name, else a claim."""

    part: str
    word: str
    names_somebody: bool


@dataclass(frozen=True)
class Workshop:
    """The data of the editing pages: draft, cards, publication and facts from the settings."""

    draft: Draft
    cards: Mapping[uuid.UUID, Card]
    publication: Publication | None
    known: PracticeFacts

    @cached_property
    def content(self) -> Content:
        """The content of the draft."""
        people = tuple(_person(self.card(person.ref), person.name) for person in self.known.people)
        return Content(
            **{name: getattr(self.draft, name) for name in TEXTS},
            colour=self.draft.colour,
            photo=image_of(self.draft.photo),
            logo=image_of(self.draft.logo),
            people=people,
        )

    @property
    def published(self) -> Content | None:
        """The published content; None when nothing is published."""
        return self.publication.content if self.publication else None

    @property
    def changes(self) -> list[PartChange]:
        """The parts that publishing would change."""
        return contents.changes(self.content, self.published)

    @property
    def missing(self) -> list[MissingMention]:
        """The missing mandatory mentions (E-33)."""
        cards = [
            contents.NumberedCard(
                str(person.ref),
                person.name,
                self.card(person.ref).profession,
                numbers(self.card(person.ref)),
            )
            for person in self.known.people
        ]
        return contents.missing(self.content, known=self.known, cards=cards)

    @property
    def is_too_long(self) -> bool:
        """Whether the texts together exceed MAX_CHARACTERS."""
        return self.content.character_count > contents.MAX_CHARACTERS

    @property
    def is_publishable(self) -> bool:
        """Whether the draft has changes, is complete, not too long and not empty."""
        return bool(self.changes) and not (
            self.missing or self.is_too_long or self.content.is_empty
        )

    @property
    def warnings(self) -> list[Warned]:
        """The words that look like patients' names, or like claims that the professions' rules discourage."""
        names = [listed.name for listed in self.known.people]
        texts = {name: str(getattr(self.content, name)) for name in TEXTS}
        texts["people"] = "\n".join(person.presentation for person in self.content.people)
        watches = any(
            professions.profession(self.card(listed.ref).profession).watches_words
            for listed in self.known.people
        )
        found = []
        for part, text in texts.items():
            named = plain_text.people_named(text, known=names)
            found += [Warned(part, word, names_somebody=True) for word in named]
            if watches:
                found += [
                    Warned(part, word, names_somebody=False) for word in plain_text.claims(text)
                ]
        return found

    def card(self, ref: uuid.UUID) -> Card:
        """Return the card of a practitioner, or an unsaved card with a guessed profession."""
        found = self.cards.get(ref)
        if found is not None:
            return found
        title = next((person.title for person in self.known.people if person.ref == ref), "")
        return Card(
            practitioner_ref=ref, profession=professions.guess(title, self.known.profession)
        )


def workshop(known: PracticeFacts) -> Workshop:
    """Read the draft (unsaved defaults without one), the cards and the publication in three queries."""
    draft = Draft.objects.select_related("photo", "logo").first()
    refs = [person.ref for person in known.people]
    return Workshop(
        draft=draft or Draft(presentation=known.presentation, payment=known.payment),
        cards={
            card.practitioner_ref: card for card in Card.objects.filter(practitioner_ref__in=refs)
        },
        publication=Publication.objects.select_related("published_by").first(),
        known=known,
    )


def published() -> Content | None:
    """Return the published content, in one query; None when nothing is published."""
    document = Publication.objects.values_list("document", flat=True).first()
    return None if document is None else Content.from_json(document)


def published_file(ref: uuid.UUID, size: str) -> PictureFile | None:
    """Return one size of a picture of the publication; None for any other picture."""
    shown = Q(picture__published_as_photo__isnull=False) | Q(
        picture__published_as_logo__isnull=False
    )
    return PictureFile.objects.filter(shown, picture__ref=ref, size=size).first()


def any_file(ref: uuid.UUID, size: str) -> PictureFile | None:
    """Return one size of a picture, published or not, for the editing pages."""
    return PictureFile.objects.filter(picture__ref=ref, size=size).first()


def image_of(picture: Picture | None) -> Image | None:
    """Return the picture as a value of the content; None without a picture."""
    if picture is None:
        return None
    return Image(
        ref=str(picture.ref),
        alt=picture.alt,
        credit=picture.credit,
        width=picture.width,
        height=picture.height,
        small_width=picture.small_width,
        small_height=picture.small_height,
    )


def numbers(card: Card) -> dict[Number, str]:
    """Return the non-empty numbers of a card that its profession allows."""
    values = {
        Number.RPPS: card.rpps,
        Number.ADELI: card.adeli,
        Number.ORDER: card.order_number,
    }
    allowed = professions.profession(card.profession).numbers
    return {kind: values[kind] for kind in allowed if values[kind]}


def _person(card: Card, name: str) -> PresentedPerson:
    """Return a practitioner with the displayed numbers: requested, or required by the profession."""
    forced = professions.profession(card.profession).forced
    shown = tuple(
        (kind.value, value)
        for kind, value in numbers(card).items()
        if card.display_requested or kind in forced
    )
    return PresentedPerson(
        ref=str(card.practitioner_ref),
        name=name,
        profession=card.profession,
        presentation=card.presentation,
        numbers=shown,
    )
