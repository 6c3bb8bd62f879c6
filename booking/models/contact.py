"""The person of an appointment: one sealed blob under a key of its own, with a date of erasure."""

from datetime import timedelta

from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value

from booking.models.appointment import Appointment
from tenants.keyring.models import DataKey
from tenants.personal_data import declare
from tenants.refs import new_ref

HARD_LIMIT = timedelta(days=357)
"""365 days, minus 7 (the longest life of a backup whose keys exist), minus 1; counted from the booking (B-20)."""


class PatientContact(models.Model):
    """The names and addresses of a person; a CHECK keeps ``erase_at`` within the limit, and it is never NULL.

    ``booked_at`` is a copy of the appointment's column, so that the CHECK needs one table.
    ``retention_days`` is the setting of the practice that the person was shown (B-25): a shorter setting
    applies to later bookings, and to this row when its appointment is moved. From
    ``erasure_requested_at`` on no message is sent to the person.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    appointment = models.OneToOneField(
        Appointment, on_delete=models.CASCADE, related_name="contact"
    )
    # Without a constraint of the database: the key tables are dumped apart (design section 4).
    data_key = models.ForeignKey(
        DataKey, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    sealed = models.BinaryField()
    email_index = models.BinaryField(max_length=32, null=True)
    phone_index = models.BinaryField(max_length=32, null=True)
    booked_at = models.DateTimeField()
    retention_days = models.SmallIntegerField(default=357)
    erase_at = models.DateTimeField()
    erasure_requested_at = models.DateTimeField(null=True)

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
            "erasure_requested_at",
        ),
    )

    class Meta:
        """CHECKs that keep the erasure within the year after the booking (B-20)."""

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
