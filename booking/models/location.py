"""A location of appointments; it has the time zone and the territory of its public holidays."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref


class Location(models.Model):
    """An office, an area of postcodes for home visits, or video (B-14)."""

    class LocationKind(models.TextChoices):
        """Where patient and practitioner are."""

        OFFICE = "office", "Au cabinet"
        HOME = "home", "À domicile"
        VIDEO = "video", "En visio"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=6, choices=LocationKind, default=LocationKind.OFFICE)
    street = models.CharField(max_length=120, blank=True, default="")
    postcode = models.CharField(max_length=10, blank=True, default="")
    town = models.CharField(max_length=60, blank=True, default="")
    # An https address (booking/rules/video_links.py) that only booked patients read; video places only.
    video_url = models.CharField(max_length=300, blank=True, default="", db_default="")
    access_text = models.CharField(max_length=400, blank=True, default="")
    time_zone = models.CharField(max_length=40, default="Europe/Paris")
    territory = models.CharField(max_length=8, blank=True, default="")
    # The customary days on which the place is closed (B-17): codes of booking/rules/holidays.py and spaces.
    customary_days = models.CharField(max_length=160, blank=True, default="", db_default="")
    served_postcodes = models.JSONField(default=list, blank=True)
    position = models.SmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    personal_data = declare(
        subjects="praticiens",
        purpose="dire où se tient le rendez-vous",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="contrat",
        personal={
            "street": "adresse professionnelle",
            "postcode": "adresse professionnelle",
            "town": "adresse professionnelle",
        },
        harmless=(
            "id",
            "ref",
            "name",
            "kind",
            "access_text",
            "video_url",
            "time_zone",
            "territory",
            "customary_days",
            "served_postcodes",
            "position",
            "is_active",
        ),
    )

    class Meta:
        """Ordered as the practice chose."""

        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(video_url="") | Q(kind="video", video_url__startswith="https://"),
                name="location_video_link",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_home(self) -> bool:
        """Whether the practitioner goes to the person's home."""
        return self.kind == self.LocationKind.HOME
