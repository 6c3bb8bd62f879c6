"""Reading the pages: what is being written, what is published, what the two differ in."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from tenants.website import content as contents
from tenants.website import professions, writing
from tenants.website.content import TEXTS, Change, Content, Image, Known, Missing, Person
from tenants.website.models import Card, Draft, Picture, PictureFile, Publication
from tenants.website.professions import Number


@dataclass(frozen=True)
class Warned:
    """A word of a text that deserves a second look: what it is, where it stands."""

    part: str
    word: str
    names_somebody: bool


@dataclass(frozen=True)
class Workshop:
    """Everything that the editing pages show; reading it changes nothing."""

    draft: Draft
    cards: Mapping[uuid.UUID, Card]
    publication: Publication | None
    known: Known

    @cached_property
    def content(self) -> Content:
        """What would be published now."""
        people = tuple(_person(self.card(one.ref), one.name) for one in self.known.people)
        return Content(
            **{name: getattr(self.draft, name) for name in TEXTS},
            colour=self.draft.colour,
            photo=image_of(self.draft.photo),
            logo=image_of(self.draft.logo),
            people=people,
        )

    @property
    def published(self) -> Content | None:
        """What patients see."""
        return self.publication.content if self.publication else None

    @property
    def changes(self) -> list[Change]:
        """What publishing would change."""
        return contents.changes(self.content, self.published)

    @property
    def missing(self) -> list[Missing]:
        """The mandatory mentions that are not there."""
        cards = [
            contents.NumberedCard(
                str(one.ref), one.name, self.card(one.ref).profession, numbers(self.card(one.ref))
            )
            for one in self.known.people
        ]
        return contents.missing(self.content, known=self.known, cards=cards)

    @property
    def is_too_long(self) -> bool:
        """Whether the texts together would make the patients' page heavy."""
        return self.content.letters > contents.MOST_LETTERS

    @property
    def is_publishable(self) -> bool:
        """Whether there is something to publish and nothing in the way."""
        return bool(self.changes) and not (
            self.missing or self.is_too_long or self.content.is_empty
        )

    @property
    def warnings(self) -> list[Warned]:
        """Words that look like a patient's name, or like a promise that a profession's rules advise against."""
        names = [one.name for one in self.known.people]
        texts = {name: str(getattr(self.content, name)) for name in TEXTS}
        texts["people"] = "\n".join(person.presentation for person in self.content.people)
        watches = any(
            professions.profession(self.card(one.ref).profession).watches_words
            for one in self.known.people
        )
        found = []
        for part, text in texts.items():
            named = writing.people_named(text, known=names)
            found += [Warned(part, word, names_somebody=True) for word in named]
            if watches:
                found += [Warned(part, word, names_somebody=False) for word in writing.claims(text)]
        return found

    def card(self, ref: uuid.UUID) -> Card:
        """Return somebody's card, or the empty one that editing would start from."""
        found = self.cards.get(ref)
        if found is not None:
            return found
        title = next((one.title for one in self.known.people if one.ref == ref), "")
        return Card(
            practitioner_ref=ref, profession=professions.guess(title, self.known.profession)
        )


def workshop(known: Known) -> Workshop:
    """Read the draft (or what it would start from), the cards and the publication: three queries."""
    draft = Draft.objects.select_related("photo", "logo").first()
    refs = [one.ref for one in known.people]
    return Workshop(
        draft=draft or Draft(presentation=known.presentation, payment=known.payment),
        cards={
            card.practitioner_ref: card for card in Card.objects.filter(practitioner_ref__in=refs)
        },
        publication=Publication.objects.select_related("published_by").first(),
        known=known,
    )


def published() -> Content | None:
    """Return what patients see, in one query; None when nothing is published."""
    document = Publication.objects.values_list("document", flat=True).first()
    return None if document is None else Content.from_json(document)


def published_file(ref: uuid.UUID, size: str) -> PictureFile | None:
    """Return one size of a picture that is on the published pages, and of no other."""
    shown = Q(picture__published_as_photo__isnull=False) | Q(
        picture__published_as_logo__isnull=False
    )
    return PictureFile.objects.filter(shown, picture__ref=ref, size=size).first()


def any_file(ref: uuid.UUID, size: str) -> PictureFile | None:
    """Return one size of a picture, published or not: for those who edit the pages."""
    return PictureFile.objects.filter(picture__ref=ref, size=size).first()


def image_of(picture: Picture | None) -> Image | None:
    """Return what a page needs to show a picture."""
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
    """Return the numbers of a card that its profession may have."""
    held = {
        Number.RPPS: card.rpps,
        Number.ADELI: card.adeli,
        Number.ORDER: card.order_number,
    }
    allowed = professions.profession(card.profession).numbers
    return {kind: held[kind] for kind in allowed if held[kind]}


def _person(card: Card, name: str) -> Person:
    """Return a practitioner with the numbers that show: asked for, or forced by the profession's rule."""
    forced = professions.profession(card.profession).forced
    shown = tuple(
        (kind.value, value)
        for kind, value in numbers(card).items()
        if card.display_requested or kind in forced
    )
    return Person(
        ref=str(card.practitioner_ref),
        name=name,
        profession=card.profession,
        presentation=card.presentation,
        numbers=shown,
    )
