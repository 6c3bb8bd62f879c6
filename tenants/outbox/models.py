"""Work decided inside a transaction and done after it: the table is the truth, the broker a doorbell."""

from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref


class OutboxEntry(models.Model):
    """One thing to do once; also the ledger of messages: exactly one terminal state each.

    ``due_at`` is lease and back-off in one: a claim pushes it. Carries ids, never people.
    """

    class State(models.TextChoices):
        """``pending`` is the only state that is not terminal."""

        PENDING = "pending", "À faire"
        SENT = "sent", "Remis"
        DROPPED = "dropped", "Abandonné"
        NO_CHANNEL = "no_channel", "Aucun moyen de joindre"
        FAILED = "failed", "Échec"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    kind = models.CharField(max_length=40)
    object_id = models.BigIntegerField(null=True)
    version = models.IntegerField(default=0)
    audience = models.CharField(max_length=40, blank=True, default="")
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=40, blank=True, default="")
    attempts = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "ref",
            "kind",
            "object_id",
            "version",
            "audience",
            "due_at",
            "expires_at",
            "state",
            "reason",
            "attempts",
            "created_at",
            "finished_at",
        ),
    )

    class Meta:
        """One entry per kind, object, version and audience: writing twice is writing once."""

        constraints = (
            models.UniqueConstraint(
                fields=("kind", "object_id", "version", "audience"), name="outbox_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending", finished_at__isnull=True)
                | (~models.Q(state="pending") & models.Q(finished_at__isnull=False)),
                name="outbox_terminal_has_instant",
            ),
        )
        indexes = (
            models.Index(
                fields=("due_at",), condition=models.Q(state="pending"), name="outbox_due"
            ),
            models.Index(fields=("object_id",), name="outbox_object"),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref.hex}"
