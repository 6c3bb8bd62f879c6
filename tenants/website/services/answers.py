"""Stores the answers of the questionnaire and fills empty texts of the draft with them."""

from datetime import datetime
from typing import Any

from django.db import transaction

from tenants.audit import services as audit
from tenants.website import plain_text
from tenants.website.content import TEXT_LENGTHS, TEXTS, PracticeFacts
from tenants.website.models import Questionnaire
from tenants.website.questionnaire import Answers
from tenants.website.services import drafts


@transaction.atomic
def save_answers(*, answers: Answers, known: PracticeFacts, actor: str, now: datetime) -> list[str]:
    """Store the answers; return the parts of the draft that they filled.

    A text is filled when it is empty, or equal to the text generated from the earlier answers. A text written
    by a user stays unchanged.
    """
    draft = drafts.lock_draft(known=known, now=now)
    earlier = Questionnaire.objects.first()
    generated_before = Answers.from_json(earlier.answers).texts() if earlier else {}
    filled = []
    for part, text in answers.texts().items():
        current = str(getattr(draft, part))
        replaceable = {"", plain_text.normalize(generated_before.get(part, ""))}
        if current in replaceable and text and text != current:
            setattr(draft, part, plain_text.normalize(text)[: TEXT_LENGTHS[part]])
            filled.append(part)
    if filled:
        draft.changed_at = now
        draft.save(update_fields=[*filled, "changed_at"])
    kept, _created = Questionnaire.objects.update_or_create(
        only=True, defaults={"answers": answers.to_json(), "answered_at": now}
    )
    audit.record(verb="site.questionnaire_answered", ref=kept.ref, actor=actor, now=now)
    return [part for part in TEXTS if part in filled]


def answers_as_json() -> dict[str, Any]:
    """Return the stored answers as the form holds them; empty without any."""
    kept = answers()
    return kept.to_json() if kept else {}


def answers() -> Answers | None:
    """Return the stored answers; None without any."""
    kept = Questionnaire.objects.first()
    return Answers.from_json(kept.answers) if kept else None
