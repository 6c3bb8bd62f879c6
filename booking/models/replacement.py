"""Days on which a substitute receives in place of a practitioner (B-15)."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from booking.models.practitioner import Practitioner
from tenants.accounts.models.membership import LONGEST_REPLACEMENT
from tenants.personal_data import declare
from tenants.refs import new_ref


class Replacement(models.Model):
    """``from_on`` and ``to_on`` are local dates, both included; appointments stay in the practitioner's agenda.

    Patients see the name of the substitute before they confirm, and in every message.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="replacements"
    )
    substitute_name = models.CharField(max_length=80)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="replacements",
    )
    from_on = models.DateField()
    to_on = models.DateField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    """Who announced it. It ends with the access of this person."""

    personal_data = declare(
        subjects="remplaçants",
        purpose="dire qui reçoit",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="contrat",
        personal={"substitute_name": "identité", "user": "compte", "practitioner": "identité"},
        harmless=("id", "ref", "from_on", "to_on", "opened_by"),
    )

    class Meta:
        """One substitute of a practitioner at a time, for six months at most."""

        ordering = ("from_on", "id")
        constraints = (
            models.CheckConstraint(condition=Q(from_on__lte=F("to_on")), name="replacement_range"),
            models.CheckConstraint(
                condition=Q(
                    to_on__lte=models.ExpressionWrapper(
                        F("from_on") + Value(LONGEST_REPLACEMENT.days),
                        output_field=models.DateField(),
                    )
                ),
                name="replacement_longest",
            ),
            ExclusionConstraint(
                name="replacement_one_at_a_time",
                expressions=[
                    (
                        Func(
                            F("practitioner"), F("practitioner"), Value("[]"), function="int8range"
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                    (
                        Func(F("from_on"), F("to_on"), Value("[]"), function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex
