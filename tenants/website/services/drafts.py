"""Edits the draft of the website: texts, colour, cards of practitioners."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime

from tenants.audit import services as audit
from tenants.website import colours, plain_text
from tenants.website.content import TEXTS, PracticeFacts
from tenants.website.errors import EditedMeanwhile
from tenants.website.models import Card, Draft


def fingerprint(text: str) -> str:
    """Return 16 hexadecimal digits of a text: a form sends them back to detect a concurrent change."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def lock_draft(*, known: PracticeFacts, now: datetime) -> Draft:
    """Return the locked draft; create it from the practice's settings the first time."""
    starts = {"presentation": known.presentation, "payment": known.payment, "changed_at": now}
    Draft.objects.get_or_create(only=True, defaults=starts)
    return Draft.objects.select_for_update().get()


def save_text(
    *, part: str, typed: str, seen: str, known: PracticeFacts, actor: str, now: datetime
) -> Draft:
    """Save one text. Raises EditedMeanwhile when the text has changed since ``seen``.

    Raises ValueError when ``part`` is no text.
    """
    if part not in TEXTS:
        raise ValueError(part)
    draft = lock_draft(known=known, now=now)
    text = plain_text.normalize(typed)
    before = str(getattr(draft, part))
    if seen != fingerprint(before) and text != before:
        raise EditedMeanwhile
    setattr(draft, part, text)
    _save(draft, part, actor=actor, now=now)
    return draft


def save_colour(*, typed: str, known: PracticeFacts, actor: str, now: datetime) -> Draft:
    """Save the practice's colour; empty resets it to lib-rdv's. Raises ValueError for an invalid colour."""
    draft = lock_draft(known=known, now=now)
    draft.colour = colours.read_colour(typed) if typed else ""
    _save(draft, "colour", actor=actor, now=now)
    return draft


def save_card(
    *, practitioner_ref: uuid.UUID, values: Mapping[str, str | bool], actor: str, now: datetime
) -> Card:
    """Save the card of a practitioner.

    ``values`` contains ``display_requested`` only when the user may request the display (G-06); otherwise the
    request is unchanged.
    """
    Card.objects.get_or_create(practitioner_ref=practitioner_ref, defaults={"changed_at": now})
    card = Card.objects.select_for_update().get(practitioner_ref=practitioner_ref)
    was_requested = card.display_requested
    for name, value in values.items():
        setattr(card, name, value)
    card.presentation = plain_text.normalize(card.presentation)
    card.changed_at = now
    if card.display_requested != was_requested:
        card.display_requested_at = now if card.display_requested else None
        verb = "site.number_shown" if card.display_requested else "site.number_hidden"
        audit.record(verb=verb, ref=practitioner_ref, actor=actor, now=now)
    card.save()
    audit.record(verb="site.card_saved", ref=practitioner_ref, actor=actor, now=now)
    return card


def _save(draft: Draft, *fields: str, actor: str, now: datetime) -> None:
    draft.changed_at = now
    draft.save(update_fields=[*fields, "changed_at"])
    audit.record(verb="site.edited", ref=draft.ref, actor=actor, now=now)
