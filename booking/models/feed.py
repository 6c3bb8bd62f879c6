"""A read-only iCal feed of one practitioner's agenda, for those without Google."""

from django.db import models

from booking.event_body import Level
from booking.models.practitioner import Practitioner
from tenants.personal_data import declare
from tenants.refs import new_ref


class Feed(models.Model):
    """Its address is a secret, computed from ``generation`` and found by its hash; a new generation revokes it."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.OneToOneField(Practitioner, on_delete=models.CASCADE, related_name="feed")
    token_hash = models.BinaryField(max_length=32, unique=True)
    generation = models.IntegerField(default=0)
    level = models.SmallIntegerField(choices=[(one.value, one.name) for one in Level], default=0)
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
        """The levels of B-33."""

        constraints = (
            models.CheckConstraint(
                condition=models.Q(level__gte=0, level__lte=2), name="feed_level_exists"
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex
