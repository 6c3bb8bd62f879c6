"""A read-only iCalendar feed of one practitioner's agenda, for calendars other than Google's."""

from django.db import models

from booking.models.practitioner import Practitioner
from booking.rules.erasure import Level
from tenants.personal_data import declare
from tenants.refs import new_ref


class Feed(models.Model):
    """Its address has a secret token, computed from ``generation`` and found by its hash.

    A new generation revokes the address.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.OneToOneField(Practitioner, on_delete=models.CASCADE, related_name="feed")
    token_hash = models.BinaryField(max_length=32, unique=True)
    generation = models.IntegerField(default=0)
    level = models.SmallIntegerField(
        choices=[(level.value, level.name) for level in Level], default=0
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    personal_data = declare(
        subjects="praticiens",
        purpose="lire ses rendez-vous dans un autre agenda",
        legal_basis="6.1.b",
        recipients=("le logiciel d’agenda choisi par le praticien",),
        source="le praticien",
        retention="jusqu’à la révocation du lien",
        personal={"token_hash": "empreinte d’un lien"},
        harmless=(
            "id",
            "ref",
            "practitioner",
            "generation",
            "level",
            "created_at",
            "changed_at",
        ),
    )

    class Meta:
        """A CHECK allows the levels of B-33."""

        constraints = (
            models.CheckConstraint(
                condition=models.Q(level__gte=0, level__lte=2), name="feed_level_exists"
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex
