"""What a practice adds in its own words to a message of ours."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare


class MessageText(models.Model):
    """The paragraph of one kind of message. Without a row, or with an empty one, ours stands alone.

    The text is the same for everybody: placeholders stand in it, never a person.
    """

    class Kind(models.TextChoices):
        """The messages to which something may be added."""

        CONFIRMATION = "confirmation", "Confirmation"
        REMINDER = "reminder", "Rappel"
        MOVED = "moved", "Déplacement"
        CANCELLED = "cancelled", "Annulation"

    kind = models.CharField(max_length=12, choices=Kind, unique=True)
    text = models.TextField(max_length=600, blank=True, default="")
    sms_text = models.CharField(max_length=60, blank=True, default="")

    personal_data = declare(subjects="aucune personne", harmless=("id", "kind", "text", "sms_text"))

    class Meta:
        """Kinds are those of the choices."""

        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=["confirmation", "reminder", "moved", "cancelled"]),
                name="message_text_kind",
            ),
        )

    def __str__(self) -> str:
        return self.kind
