"""An order form, from its draft to its end."""

from django.db import models
from django.db.models import Q

from billing.clients.models import Client
from tenants.personal_data import declare
from tenants.refs import new_ref


class Order(models.Model):
    """One version of an order form (F-30): signing freezes ``snapshot``; ``sha256`` is that of the signed PDF."""

    class State(models.TextChoices):
        """The life of an order."""

        DRAFT = "draft", "Brouillon"
        SENT = "sent", "Envoyé"
        SIGNED = "signed", "Signé"
        WITHDRAWN = "withdrawn", "Rétracté"
        TERMINATED = "terminated", "Résilié"

    class SignaturePlace(models.TextChoices):
        """Where the client signed, which decides the right of withdrawal (F-33)."""

        ONLINE = "online", "En ligne"
        CLIENT = "client", "Chez le client"
        OFFICE = "office", "Dans nos locaux"
        FAIR = "fair", "Sur un salon"

    UNSIGNED = (State.DRAFT, State.SENT)

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="orders")
    number = models.CharField(max_length=20)
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    rhythm = models.CharField(
        max_length=5, choices=[("month", "Par mois"), ("year", "Par an")], default="month"
    )
    starts_on = models.DateField(null=True, blank=True)
    commitment_months = models.PositiveSmallIntegerField(default=0)
    termination_months = models.PositiveSmallIntegerField(default=1)
    """Months from a termination to the end of the contract."""
    place_of_signature = models.CharField(
        max_length=6, choices=SignaturePlace, blank=True, default=""
    )
    starts_before_withdrawal_ends = models.BooleanField(default=False)
    """Whether the client asked for the work to begin during the days of withdrawal."""
    terms_version = models.CharField(max_length=20, blank=True, default="")
    dpa_version = models.CharField(max_length=20, blank=True, default="")
    signatory_name = models.CharField(max_length=120, blank=True, default="")
    signatory_capacity = models.CharField(max_length=80, blank=True, default="")
    signatory_email = models.EmailField(blank=True, default="")
    subdomain = models.CharField(max_length=40, blank=True, default="", db_default="")
    """The address that the practice gets when the order is signed; "" for a client that has a practice."""
    profession = models.CharField(max_length=40, blank=True, default="", db_default="")
    snapshot = models.JSONField(null=True, blank=True)
    """All that was shown at the signature; None before it."""
    sha256 = models.BinaryField(max_length=32, null=True, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    withdrawal_until = models.DateTimeField(null=True, blank=True)
    """End of the days of withdrawal; None where there is no such right."""
    ended_at = models.DateTimeField(null=True, blank=True)
    """When it was withdrawn or terminated."""

    personal_data = declare(
        subjects="clients et leurs signataires",
        purpose="conclure et exécuter le contrat",
        legal_basis="6.1.b",
        recipients=("lib-rdv",),
        source="le client",
        retention="contrat, puis 5 ans en archive",
        personal={
            "signatory_name": "identité",
            "signatory_capacity": "fonction",
            "signatory_email": "contact",
            "snapshot": "contenu du bon de commande signé",
        },
        harmless=(
            "id",
            "ref",
            "client",
            "number",
            "version",
            "state",
            "rhythm",
            "starts_on",
            "commitment_months",
            "termination_months",
            "place_of_signature",
            "starts_before_withdrawal_ends",
            "terms_version",
            "dpa_version",
            "subdomain",
            "profession",
            "sha256",
            "created_at",
            "sent_at",
            "signed_at",
            "withdrawal_until",
            "ended_at",
        ),
    )

    class Meta:
        """A version of a number exists once; what is signed has its snapshot, hash, place and instant."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("number", "version"), name="order_version_once"),
            models.CheckConstraint(
                condition=Q(number__regex="^[A-Z0-9-]{1,20}$"), name="order_number"
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="order_version"),
            models.CheckConstraint(condition=Q(rhythm__in=("month", "year")), name="order_rhythm"),
            models.CheckConstraint(
                condition=Q(
                    state__in=("draft", "sent"),
                    signed_at__isnull=True,
                    snapshot__isnull=True,
                    sha256__isnull=True,
                )
                | (
                    Q(
                        state__in=("signed", "withdrawn", "terminated"),
                        signed_at__isnull=False,
                        snapshot__isnull=False,
                        sha256__isnull=False,
                        place_of_signature__in=("online", "client", "office", "fair"),
                    )
                    & ~Q(signatory_name="")
                ),
                name="order_signed_is_frozen",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("withdrawn", "terminated"), ended_at__isnull=False)
                | Q(state__in=("draft", "sent", "signed"), ended_at__isnull=True),
                name="order_end",
            ),
        )

    def __str__(self) -> str:
        return f"{self.number}/{self.version}"
