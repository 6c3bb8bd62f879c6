"""The unpublished state of the website: texts, pictures, colour, and the cards of practitioners."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref
from tenants.website.content import TEXT_LENGTHS
from tenants.website.models.picture import Picture


class Draft(models.Model):
    """The website as it is edited: one row per schema."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    presentation = models.TextField(max_length=TEXT_LENGTHS["presentation"], blank=True, default="")
    access = models.TextField(max_length=TEXT_LENGTHS["access"], blank=True, default="")
    prices = models.TextField(max_length=TEXT_LENGTHS["prices"], blank=True, default="")
    payment = models.TextField(max_length=TEXT_LENGTHS["payment"], blank=True, default="")
    practical = models.TextField(max_length=TEXT_LENGTHS["practical"], blank=True, default="")
    colour = models.CharField(max_length=7, blank=True, default="")
    photo = models.ForeignKey(
        Picture, on_delete=models.PROTECT, null=True, blank=True, related_name="drafts_with_photo"
    )
    logo = models.ForeignKey(
        Picture, on_delete=models.PROTECT, null=True, blank=True, related_name="drafts_with_logo"
    )
    changed_at = models.DateTimeField()

    personal_data = declare(
        subjects="client et ses collaborateurs",
        purpose="préparer le site du cabinet",
        legal_basis="6.1.b",
        recipients=("cabinet",),
        source="le client",
        retention="contrat",
        personal={
            "presentation": "présentation",
            "access": "texte du site",
            "prices": "texte du site",
            "payment": "texte du site",
            "practical": "texte du site",
        },
        harmless=("id", "only", "ref", "colour", "photo", "logo", "changed_at"),
    )

    class Meta:
        """At most one row per schema; the colour is ``#rrggbb`` or empty."""

        constraints = (
            models.CheckConstraint(condition=Q(only=True), name="website_draft_is_one"),
            models.CheckConstraint(
                condition=Q(colour="") | Q(colour__regex="^#[0-9a-f]{6}$"),
                name="website_draft_colour",
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex


class Card(models.Model):
    """The presentation of one practitioner; ``practitioner_ref`` identifies the agenda, as in MembershipScope.

    A professional number is displayed on request of its holder, or when the profession requires it (G-06, E-33).
    """

    practitioner_ref = models.UUIDField(unique=True)
    profession = models.CharField(max_length=20)
    presentation = models.TextField(max_length=500, blank=True, default="")
    rpps = models.CharField(max_length=11, blank=True, default="")
    adeli = models.CharField(max_length=9, blank=True, default="")
    order_number = models.CharField(max_length=20, blank=True, default="")
    display_requested = models.BooleanField(default=False)
    display_requested_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()

    personal_data = declare(
        subjects="praticiens",
        purpose="présenter les praticiens sur le site du cabinet",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le praticien",
        retention="contrat",
        personal={
            "practitioner_ref": "référence de l’agenda",
            "profession": "profession",
            "presentation": "présentation",
            "rpps": "identifiant professionnel",
            "adeli": "identifiant professionnel",
            "order_number": "identifiant professionnel",
        },
        harmless=("id", "display_requested", "display_requested_at", "changed_at"),
    )

    class Meta:
        """A requested display has the instant of its request."""

        constraints = (
            models.CheckConstraint(
                condition=Q(display_requested=False) | Q(display_requested_at__isnull=False),
                name="website_card_request_has_a_date",
            ),
        )

    def __str__(self) -> str:
        return self.practitioner_ref.hex
