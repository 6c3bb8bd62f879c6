"""Texts that a practice adds to the messages to patients."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare


class MessageText(models.Model):
    """The added paragraph of one kind of message; without a row, or with an empty text, nothing is added.

    The text is the same for all patients: it holds placeholders and no data about a person.
    """

    class TextKind(models.TextChoices):
        """The messages to which a text can be added."""

        CONFIRMATION = "confirmation", "Confirmation"
        REMINDER = "reminder", "Rappel"
        MOVED = "moved", "Déplacement"
        CANCELLED = "cancelled", "Annulation"

    kind = models.CharField(max_length=12, choices=TextKind, unique=True)
    text = models.TextField(max_length=600, blank=True, default="")
    sms_text = models.CharField(max_length=60, blank=True, default="")

    personal_data = declare(subjects="aucune personne", harmless=("id", "kind", "text", "sms_text"))

    class Meta:
        """A CHECK allows the kinds of the choices."""

        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=["confirmation", "reminder", "moved", "cancelled"]),
                name="message_text_kind",
            ),
        )

    def __str__(self) -> str:
        return self.kind
