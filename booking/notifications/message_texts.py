"""The texts that a practice adds to the messages to its patients."""

from datetime import datetime

from booking.messages.appointment_messages import MessageKind
from booking.models import MessageText
from booking.scheduling.catalogue import current_practice
from tenants.audit import services as audit

TEXT_OF = {
    MessageKind.CONFIRMATION: MessageText.TextKind.CONFIRMATION,
    MessageKind.REMINDER: MessageText.TextKind.REMINDER,
    MessageKind.MOVED: MessageText.TextKind.MOVED,
    MessageKind.CANCELLED_BY_PATIENT: MessageText.TextKind.CANCELLED,
    MessageKind.CANCELLED_BY_PRACTITIONER: MessageText.TextKind.CANCELLED,
}
"""The text of each kind of message; the other kinds have none."""


def text_for(kind: MessageKind) -> MessageText:
    """Return the text that the practice adds to a message; an unsaved, empty one when there is none."""
    text_kind = TEXT_OF.get(kind)
    found = MessageText.objects.filter(kind=text_kind).first() if text_kind else None
    return found or MessageText()


def all_texts() -> dict[str, MessageText]:
    """Return the texts of the practice by their kind."""
    return {text.kind: text for text in MessageText.objects.all()}


def text_of(kind: MessageText.TextKind) -> MessageText:
    """Return the text of a kind; an unsaved, empty one when there is none."""
    return MessageText.objects.filter(kind=kind).first() or MessageText(kind=kind)


def save_text(
    *, kind: MessageText.TextKind, text: str, sms_text: str, actor: str, now: datetime
) -> None:
    """Save the texts of a kind for later messages; two empty texts delete the row."""
    if text or sms_text:
        MessageText.objects.update_or_create(
            kind=kind, defaults={"text": text, "sms_text": sms_text}
        )
    else:
        MessageText.objects.filter(kind=kind).delete()
    ref = current_practice().ref
    audit.record(verb=f"message.text.{kind}", ref=ref, actor=actor, now=now)
