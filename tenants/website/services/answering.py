"""Answering the questionnaire: the answers are kept, and fill the texts that are still empty."""

from datetime import datetime

from django.db import transaction

from tenants.trail import services as trail
from tenants.website import writing
from tenants.website.content import TEXT_LENGTHS, TEXTS, Known
from tenants.website.models import Questionnaire
from tenants.website.questionnaire import Answers
from tenants.website.services import editing


@transaction.atomic
def save_answers(*, answers: Answers, known: Known, actor: str, now: datetime) -> list[str]:
    """Keep the answers; return the parts of the draft that they filled.

    A text that somebody has written is never touched. A text that is still word for word what the
    earlier answers had made follows the new ones.
    """
    draft = editing.lock_draft(known=known, now=now)
    earlier = Questionnaire.objects.first()
    made_before = Answers.from_json(earlier.answers).texts() if earlier else {}
    filled = []
    for part, text in answers.texts().items():
        held = str(getattr(draft, part))
        if held in {"", writing.clean(made_before.get(part, ""))} and text and text != held:
            setattr(draft, part, writing.clean(text)[: TEXT_LENGTHS[part]])
            filled.append(part)
    if filled:
        draft.changed_at = now
        draft.save(update_fields=[*filled, "changed_at"])
    kept, _created = Questionnaire.objects.update_or_create(
        only=True, defaults={"answers": answers.to_json(), "answered_at": now}
    )
    trail.record(verb="site.questionnaire_answered", ref=kept.ref, actor=actor, now=now)
    return [part for part in TEXTS if part in filled]


def answers() -> Answers | None:
    """Return what was answered; None when nobody has answered yet."""
    kept = Questionnaire.objects.first()
    return Answers.from_json(kept.answers) if kept else None
