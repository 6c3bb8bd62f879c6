"""The practice: its contact, its legal identity and its settings. One row per schema."""

from django.db import models
from django.db.models import Q

from booking.rules.erasure import QUIET_FROM, QUIET_UNTIL
from tenants.personal_data import declare
from tenants.refs import new_ref

DEFAULT_SMS_A_MONTH = 300
MOST_SMS_A_MONTH = 2_000
"""What lib-rdv allows to any practice; the owner chooses within it."""
LEGAL_IDENTITY = (
    "legal_name",
    "legal_form",
    "street",
    "postcode",
    "legal_town",
    "phone",
    "email",
    "publication_director",
)
"""The columns without which the legal notice cannot be published (C-04)."""
CONTRACT_FIELDS = (
    "legal_name",
    "legal_form",
    "siren",
    "vat_number",
    "street",
    "postcode",
    "legal_town",
)
"""The columns that the identity of the contract replaces on the site, once staff have confirmed it (G-04)."""


class Practice(models.Model):
    """The single row of settings; the defaults are the most protective values (C-09)."""

    class PracticeKind(models.TextChoices):
        """The legal kind of the profession (H-05); it decides the notices, not the questions to patients."""

        HEALTH = "health", "Profession de santé"
        REGULATED = "regulated", "Titre réglementé, hors professions de santé"
        WELLBEING = "wellbeing", "Bien-être"
        OTHER = "other", "Autre"

    class RightsContact(models.TextChoices):
        """Whether lib-rdv or the practice answers requests of persons about their booking data (C-82)."""

        LIBRDV = "librdv", "lib-rdv répond au nom du cabinet"
        PRACTICE = "practice", "le cabinet répond lui-même"

    id = models.SmallIntegerField(primary_key=True, default=1)
    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    # Shown to patients
    name = models.CharField(max_length=80)
    profession = models.CharField(max_length=60, blank=True, default="")
    town = models.CharField(max_length=60, blank=True, default="")
    kind = models.CharField(max_length=10, choices=PracticeKind, default=PracticeKind.OTHER)
    phone = models.CharField(max_length=20, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    about = models.TextField(max_length=2000, blank=True, default="")
    payment_text = models.CharField(max_length=200, blank=True, default="")
    # Legal identity (G-04, C-04)
    legal_name = models.CharField(max_length=120, blank=True, default="")
    legal_form = models.CharField(max_length=60, blank=True, default="")
    siren = models.CharField(max_length=9, blank=True, default="")
    vat_number = models.CharField(max_length=20, blank=True, default="")
    street = models.CharField(max_length=120, blank=True, default="")
    postcode = models.CharField(max_length=10, blank=True, default="")
    legal_town = models.CharField(max_length=60, blank=True, default="")
    publication_director = models.CharField(max_length=120, blank=True, default="")
    title_country = models.CharField(max_length=60, blank=True, default="France")
    professional_rules = models.CharField(max_length=200, blank=True, default="")
    order_name = models.CharField(max_length=200, blank=True, default="")
    mediator = models.CharField(max_length=200, blank=True, default="")
    # Settings
    reminder_minute = models.SmallIntegerField(default=18 * 60)
    digest_minute = models.SmallIntegerField(default=7 * 60)
    sms_enabled = models.BooleanField(default=False)
    # The most SMS of a calendar month, of which each costs lib-rdv money.
    sms_budget = models.IntegerField(default=DEFAULT_SMS_A_MONTH, db_default=DEFAULT_SMS_A_MONTH)
    max_open_bookings = models.SmallIntegerField(default=3)
    # Minutes for which a freed slot is offered to one person of the waiting list; 0: there is no list.
    waiting_minutes = models.SmallIntegerField(default=30)
    retention_days = models.SmallIntegerField(default=357)
    rights_contact = models.CharField(
        max_length=10, choices=RightsContact, default=RightsContact.LIBRDV
    )
    notice_version = models.IntegerField(default=1)

    personal_data = declare(
        subjects="client et ses collaborateurs",
        purpose="publier le site du cabinet et ses mentions légales",
        legal_basis="6.1.c",
        recipients=("public",),
        source="le client",
        retention="contrat",
        personal={
            "name": "nom commercial",
            "phone": "téléphone professionnel",
            "email": "adresse professionnelle",
            "about": "présentation",
            "legal_name": "identité",
            "siren": "identifiant",
            "vat_number": "identifiant",
            "street": "adresse professionnelle",
            "postcode": "adresse professionnelle",
            "legal_town": "adresse professionnelle",
            "publication_director": "identité",
        },
        harmless=(
            "id",
            "ref",
            "profession",
            "town",
            "kind",
            "payment_text",
            "legal_form",
            "title_country",
            "professional_rules",
            "order_name",
            "mediator",
            "reminder_minute",
            "digest_minute",
            "sms_enabled",
            "sms_budget",
            "max_open_bookings",
            "waiting_minutes",
            "retention_days",
            "rights_contact",
            "notice_version",
        ),
    )

    class Meta:
        """CHECKs: one row, and a retention no longer than the published limit (B-20, B-25)."""

        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="practice_is_one"),
            models.CheckConstraint(
                condition=Q(retention_days__gte=7, retention_days__lte=357),
                name="practice_retention_within_promise",
            ),
            models.CheckConstraint(
                # The quiet hours of B-40: no message leaves from 20:00 to 08:00.
                condition=Q(reminder_minute__gte=QUIET_UNTIL, reminder_minute__lte=QUIET_FROM - 1),
                name="practice_reminder_outside_quiet_hours",
            ),
            models.CheckConstraint(
                condition=Q(sms_budget__gte=0, sms_budget__lte=MOST_SMS_A_MONTH),
                name="practice_sms_within_the_maximum",
            ),
            models.CheckConstraint(
                condition=Q(digest_minute__gte=0, digest_minute__lt=24 * 60),
                name="practice_digest_in_the_day",
            ),
            models.CheckConstraint(
                condition=Q(max_open_bookings__gte=1), name="practice_allows_a_booking"
            ),
            models.CheckConstraint(
                condition=Q(waiting_minutes=0)
                | Q(waiting_minutes__gte=20, waiting_minutes__lte=60),
                name="practice_offers_for_a_while",
            ),
        )

    def __str__(self) -> str:
        return self.name
