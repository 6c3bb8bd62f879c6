"""What was done, by whom, when: append-only by right (SELECT and INSERT), hash-chained by seals."""

from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref


class Act(models.Model):
    """One act: who (an id, never a name), verb, the ref it bears on, when."""

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
        """Listed by the object they bear on, and by the person who did them."""

        indexes = (
            models.Index(fields=("ref",), name="trail_act_ref"),
            models.Index(fields=("actor", "-id"), name="trail_act_actor"),
        )

    def __str__(self) -> str:
        return f"{self.verb}:{self.ref.hex}"


class ActSeal(models.Model):
    """The link of one act in the chain: sha256(previous hash + the act's content).

    Acts are sealed in batches by the sweep, so that bookings do not wait for each other's commit.
    """

    act_id = models.BigIntegerField(unique=True)
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "act_id", "prev_hash", "hash")
    )

    class Meta:
        """A hash has one successor: a fork of the chain is refused by the database."""

        constraints = (models.UniqueConstraint(fields=("prev_hash",), name="trail_seal_no_fork"),)

    def __str__(self) -> str:
        return str(self.act_id)


class Receipt(models.Model):
    """One erasure, without personal data: what kind, under which rule, when; chained at once."""

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
        """A hash has one successor: a fork of the chain is refused by the database."""

        constraints = (
            models.UniqueConstraint(fields=("prev_hash",), name="trail_receipt_no_fork"),
        )
        indexes = (models.Index(fields=("subject_ref",), name="trail_receipt_subject"),)

    def __str__(self) -> str:
        return self.ref.hex


class Checkpoint(models.Model):
    """Where a chain begins once its oldest links are gone: the last of them, signed (B-27).

    ``links`` counts every link up to ``last_id``, from the beginning of the chain.
    """

    class Chain(models.TextChoices):
        """Which chain."""

        ACTS = "acts", "actes"
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
        """One for each place of a chain."""

        constraints = (
            models.UniqueConstraint(fields=("chain", "last_id"), name="trail_checkpoint_once"),
        )

    def __str__(self) -> str:
        return f"{self.chain}:{self.last_id}"
