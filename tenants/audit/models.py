"""The tables of the audit trail. The tenant's role may SELECT and INSERT; seals chain the events by codes."""

from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref


class AuditEvent(models.Model):
    """One recorded operation: actor (an id, never a name), verb, ref of its object, instant."""

    actor = models.CharField(max_length=40)
    verb = models.CharField(max_length=40)
    ref = models.UUIDField()
    at = models.DateTimeField()

    personal_data = declare(
        subjects="utilisateurs du cabinet",
        purpose="sécurité : savoir qui a fait quoi",
        legal_basis="6.1.f",
        recipients=("cabinet", "lib-rdv"),
        source="usage du service",
        retention="12 mois",
        personal={"actor": "identifiant interne"},
        harmless=("id", "verb", "ref", "at"),
    )

    class Meta:
        """Indexes for the events of an object and for those of an actor, newest first."""

        indexes = (
            models.Index(fields=("ref",), name="audit_event_ref"),
            models.Index(fields=("actor", "-id"), name="audit_event_actor"),
        )

    def __str__(self) -> str:
        return f"{self.verb}:{self.ref.hex}"


class AuditSeal(models.Model):
    """The link of one event in the chain: a code of previous hash and content, under the tenant's key.

    A job seals events in batches every minute, so that bookings do not wait for each other's commit.
    """

    event_id = models.BigIntegerField(unique=True)
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "event_id", "prev_hash", "hash")
    )

    class Meta:
        """A hash has one successor: the database refuses a fork of the chain."""

        constraints = (models.UniqueConstraint(fields=("prev_hash",), name="audit_seal_no_fork"),)

    def __str__(self) -> str:
        return str(self.event_id)


class Receipt(models.Model):
    """One erasure, without personal data: kind of row, rule, instant; chained when it is written."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    subject_ref = models.UUIDField()
    kind = models.CharField(max_length=40)
    rule = models.CharField(max_length=40)
    fields = models.CharField(max_length=200)
    key_fingerprint = models.CharField(max_length=64)
    at = models.DateTimeField()
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "ref",
            "subject_ref",
            "kind",
            "rule",
            "fields",
            "key_fingerprint",
            "at",
            "prev_hash",
            "hash",
        ),
    )

    class Meta:
        """A hash has one successor: the database refuses a fork of the chain."""

        constraints = (
            models.UniqueConstraint(fields=("prev_hash",), name="audit_receipt_no_fork"),
        )
        indexes = (models.Index(fields=("subject_ref",), name="audit_receipt_subject"),)

    def __str__(self) -> str:
        return self.ref.hex


class Checkpoint(models.Model):
    """The last link that may be pruned from a chain, signed with the tenant's key (B-27).

    ``links`` counts every link from genesis up to ``last_id``, that one included.
    """

    class Chain(models.TextChoices):
        """The chain of events or the chain of erasure receipts."""

        EVENTS = "events", "événements"
        RECEIPTS = "receipts", "reçus"

    chain = models.CharField(max_length=8, choices=Chain)
    last_id = models.BigIntegerField()
    last_hash = models.BinaryField(max_length=32)
    links = models.BigIntegerField()
    at = models.DateTimeField()
    signature = models.BinaryField(max_length=32)

    personal_data = declare(
        subjects="aucune personne",
        harmless=("id", "chain", "last_id", "last_hash", "links", "at", "signature"),
    )

    class Meta:
        """At most one checkpoint for each link of a chain."""

        constraints = (
            models.UniqueConstraint(fields=("chain", "last_id"), name="audit_checkpoint_once"),
        )

    def __str__(self) -> str:
        return f"{self.chain}:{self.last_id}"
