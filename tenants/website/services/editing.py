"""Writing the draft: texts, colour, how a practitioner is presented. Nobody outside sees it."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime

from tenants.trail import services as trail
from tenants.website import colours, writing
from tenants.website.content import TEXTS, Known
from tenants.website.errors import EditedMeanwhile
from tenants.website.models import Card, Draft


def fingerprint(text: str) -> str:
    """Return what a form carries of the text it was opened with, to notice somebody else's change."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def lock_draft(*, known: Known, now: datetime) -> Draft:
    """Return the draft, locked; the first time it starts from what the practice said in its settings."""
    starts = {"presentation": known.presentation, "payment": known.payment, "changed_at": now}
    Draft.objects.get_or_create(only=True, defaults=starts)
    return Draft.objects.select_for_update().get()


def save_text(
    *, part: str, typed: str, seen: str, known: Known, actor: str, now: datetime
) -> Draft:
    """Write one text. Raises EditedMeanwhile when it is no longer the one that the form showed."""
    if part not in TEXTS:
        raise ValueError(part)
    draft = lock_draft(known=known, now=now)
    text = writing.clean(typed)
    before = str(getattr(draft, part))
    if seen != fingerprint(before) and text != before:
        raise EditedMeanwhile
    setattr(draft, part, text)
    _save(draft, part, actor=actor, now=now)
    return draft


def save_colour(*, typed: str, known: Known, actor: str, now: datetime) -> Draft:
    """Choose the practice's colour; empty takes lib-rdv's own again. ValueError when it is none."""
    draft = lock_draft(known=known, now=now)
    draft.colour = colours.read_colour(typed) if typed else ""
    _save(draft, "colour", actor=actor, now=now)
    return draft


def save_card(
    *, practitioner_ref: uuid.UUID, values: Mapping[str, str | bool], actor: str, now: datetime
) -> Card:
    """Write how a practitioner is presented.

    ``values`` holds ``display_requested`` only when the one who asks may ask (G-06); without it the
    request stays as it was.
    """
    Card.objects.get_or_create(practitioner_ref=practitioner_ref, defaults={"changed_at": now})
    card = Card.objects.select_for_update().get(practitioner_ref=practitioner_ref)
    had_asked = card.display_requested
    for name, value in values.items():
        setattr(card, name, value)
    card.presentation = writing.clean(card.presentation)
    card.changed_at = now
    if card.display_requested != had_asked:
        card.display_requested_at = now if card.display_requested else None
        verb = "site.number_shown" if card.display_requested else "site.number_hidden"
        trail.record(verb=verb, ref=practitioner_ref, actor=actor, now=now)
    card.save()
    trail.record(verb="site.card_saved", ref=practitioner_ref, actor=actor, now=now)
    return card


def _save(draft: Draft, *fields: str, actor: str, now: datetime) -> None:
    draft.changed_at = now
    draft.save(update_fields=[*fields, "changed_at"])
    trail.record(verb="site.edited", ref=draft.ref, actor=actor, now=now)
