"""The words that a practice adds to our messages."""

from datetime import datetime

from booking.messages import Kind
from booking.models import MessageText
from booking.services import deadlines
from tenants.trail import services as trail

TEXT_OF = {
    Kind.CONFIRMATION: MessageText.Kind.CONFIRMATION,
    Kind.REMINDER: MessageText.Kind.REMINDER,
    Kind.MOVED: MessageText.Kind.MOVED,
    Kind.CANCELLED_BY_PATIENT: MessageText.Kind.CANCELLED,
    Kind.CANCELLED_BY_PRACTITIONER: MessageText.Kind.CANCELLED,
}
"""Which text each message carries; the others carry none."""


def text_for(kind: Kind) -> MessageText:
    """Return what the practice adds to a message; an unsaved, empty one where it adds nothing."""
    wanted = TEXT_OF.get(kind)
    found = MessageText.objects.filter(kind=wanted).first() if wanted else None
    return found or MessageText()


def save_text(
    *, kind: MessageText.Kind, text: str, sms_text: str, actor: str, now: datetime
) -> None:
    """Write what is added to one kind of message from now on; two empty texts are ours again."""
    if text or sms_text:
        MessageText.objects.update_or_create(
            kind=kind, defaults={"text": text, "sms_text": sms_text}
        )
    else:
        MessageText.objects.filter(kind=kind).delete()
    ref = deadlines.practice().ref
    trail.record(verb=f"message.text.{kind}", ref=ref, actor=actor, now=now)
