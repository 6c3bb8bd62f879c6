"""The published website, which patients see."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref
from tenants.website.content import Content
from tenants.website.models.picture import Picture


class Publication(models.Model):
    """The published website: one row, replaced as a whole; no row while nothing is published."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    document = models.JSONField()
    photo = models.ForeignKey(
        Picture, on_delete=models.PROTECT, null=True, blank=True, related_name="published_as_photo"
    )
    logo = models.ForeignKey(
        Picture, on_delete=models.PROTECT, null=True, blank=True, related_name="published_as_logo"
    )
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )

    personal_data = declare(
        subjects="client et ses collaborateurs",
        purpose="publier le site du cabinet",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="jusqu’au retrait du site, au plus tard la fin du contrat",
        personal={
            "document": "textes du site, identifiants professionnels affichés",
            "published_by": "compte",
        },
        harmless=("id", "only", "ref", "photo", "logo", "published_at"),
    )

    class Meta:
        """At most one row per schema."""

        constraints = (
            models.CheckConstraint(condition=Q(only=True), name="website_publication_is_one"),
        )

    def __str__(self) -> str:
        return self.ref.hex

    @property
    def content(self) -> Content:
        """Return the published content."""
        return Content.from_json(self.document)
