"""The outbox table: work decided inside a transaction and done after it. The table is authoritative."""

from django.db import models

from tenants.outbox.kinds import NAME_LENGTH
from tenants.personal_data import declare
from tenants.refs import new_ref


class OutboxEntry(models.Model):
    """One delivery to be made once, with exactly one terminal state; also the ledger of messages.

    ``due_at`` serves as lease and back-off: a claim moves it forward. ``kind`` is the name of an
    ``OutboxKind``, which declares the types of subject and payload. Both carry keys, never personal data.
    """

    class EntryState(models.TextChoices):
        """``pending`` is the only state that is not terminal."""

        PENDING = "pending", "À faire"
        SENT = "sent", "Remis"
        NOT_SENT = "not_sent", "Abandonné"
        NO_CHANNEL = "no_channel", "Aucun moyen de joindre"
        FAILED = "failed", "Échec"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    kind = models.CharField(max_length=NAME_LENGTH)
    subject_type = models.CharField(max_length=NAME_LENGTH)
    subject_id = models.BigIntegerField()
    payload = models.JSONField(default=dict)
    dedup_key = models.CharField(max_length=100, blank=True, default="")
    """The values of the payload and the repetition, for the unique constraint only."""
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=EntryState, default=EntryState.PENDING)
    reason = models.CharField(max_length=40, blank=True, default="")
    attempts = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    charged_at = models.DateTimeField(null=True)
    """When the cost of the delivery was counted; a retry is not counted again."""

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "ref",
            "kind",
            "subject_type",
            "subject_id",
            "payload",
            "dedup_key",
            "due_at",
            "expires_at",
            "state",
            "reason",
            "attempts",
            "created_at",
            "finished_at",
            "charged_at",
        ),
    )

    class Meta:
        """One entry per kind, subject and deduplication key: a second write inserts no row."""

        constraints = (
            models.UniqueConstraint(fields=("kind", "subject_id", "dedup_key"), name="outbox_once"),
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
            models.Index(fields=("subject_id",), name="outbox_subject"),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref.hex}"
