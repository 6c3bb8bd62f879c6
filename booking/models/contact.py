"""The person of an appointment: one sealed blob under its own key, with a date of erasure."""

from datetime import timedelta

from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value

from booking.models.appointment import Appointment
from tenants.keyring.models import DataKey
from tenants.personal_data import declare
from tenants.refs import new_ref

HARD_LIMIT = timedelta(days=357)
"""365 less 7 (longest life of a copy whose keys exist) less 1: B-20, counted from the booking act."""


class PatientContact(models.Model):
    """What names a person. ``erase_at`` is never NULL and never past the limit: a CHECK says so.

    ``booked_at`` is a copy of the appointment's, so that the promise stands in one table.
    ``retention_days`` is the practice's setting of the day it was told (B-25); a shorter one applies to
    those who come after, and to this one when it is moved. ``erasure_asked_at``: since then nothing is
    sent to this person any more.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    appointment = models.OneToOneField(
        Appointment, on_delete=models.CASCADE, related_name="contact"
    )
    # No constraint of the database: the key tables are in a dump of their own (design section 4).
    data_key = models.ForeignKey(
        DataKey, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    sealed = models.BinaryField()
    email_index = models.BinaryField(max_length=32, null=True)
    phone_index = models.BinaryField(max_length=32, null=True)
    booked_at = models.DateTimeField()
    retention_days = models.SmallIntegerField(default=357)
    erase_at = models.DateTimeField()
    erasure_asked_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="patients",
        purpose="organiser le rendez-vous et le rappeler la veille",
        legal_basis="6.1.b",
        recipients=(
            "cabinet",
            "lib-rdv",
            "envoi des e-mails",
            "envoi des SMS",
            "Google Agenda, ou un autre logiciel, selon ce que le praticien a choisi d’y inscrire",
        ),
        source="la personne",
        retention="erase_at, au plus tard 357 jours après la prise de rendez-vous",
        personal={
            "sealed": "nom, prénom, téléphone, e-mail, champs de la fiche publiée",
            "email_index": "empreinte de l'e-mail, propre au cabinet",
            "phone_index": "empreinte du téléphone, propre au cabinet",
        },
        harmless=(
            "id",
            "ref",
            "appointment",
            "data_key",
            "booked_at",
            "retention_days",
            "erase_at",
            "erasure_asked_at",
        ),
    )

    class Meta:
        """The promise of one year, in the table itself."""

        constraints = (
            models.CheckConstraint(
                condition=Q(
                    erase_at__lte=ExpressionWrapper(
                        F("booked_at") + HARD_LIMIT, output_field=models.DateTimeField()
                    )
                ),
                name="contact_erased_within_promise",
            ),
            models.CheckConstraint(
                condition=Q(erase_at__gte=F("booked_at")), name="contact_erased_after"
            ),
            models.CheckConstraint(
                condition=Q(
                    erase_at__lte=ExpressionWrapper(
                        F("booked_at") + F("retention_days") * Value(timedelta(days=1)),
                        output_field=models.DateTimeField(),
                    )
                ),
                name="contact_erased_as_told",
            ),
        )
        indexes = (
            models.Index(fields=("erase_at",), name="contact_erase"),
            models.Index(fields=("email_index",), name="contact_email"),
            models.Index(fields=("phone_index",), name="contact_phone"),
        )

    def __str__(self) -> str:
        return self.ref.hex
