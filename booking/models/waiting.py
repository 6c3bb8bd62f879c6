"""The waiting list: entries of persons who want an earlier slot, and offers of freed slots (T8, P6)."""

from datetime import timedelta

from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.expressions import Combinable

from booking.models.appointment import Appointment
from booking.models.appointment_type import AppointmentType
from booking.models.location import Location
from booking.models.practitioner import Practitioner
from tenants.keyring.models import DataKey
from tenants.personal_data import declare
from tenants.refs import new_ref

WAITING_LIMIT = timedelta(days=30)
"""The longest life of an entry (design section 5)."""
EVERY_DAY = 0b1111111
SHORTEST_OFFER, LONGEST_OFFER = timedelta(minutes=20), timedelta(minutes=60)


def _after(column: str, span: timedelta) -> "ExpressionWrapper[Combinable]":
    return ExpressionWrapper(F(column) + span, output_field=models.DateTimeField())


class WaitingEntry(models.Model):
    """One person on the list: appointment type, location, suitable times, and a contact under a key of its own.

    ``weekdays`` is a set of bits, Monday the lowest. ``appointment`` is cancelled when the person accepts an
    earlier slot. ``position`` orders the list. ``erase_at`` is never NULL; a CHECK keeps it within 30 days
    after ``joined_at``.
    """

    class Half(models.TextChoices):
        """The half of the day that suits the person."""

        ANY = "", "Matin ou après-midi"
        MORNING = "morning", "Matin"
        AFTERNOON = "afternoon", "Après-midi"

    class EntryOrigin(models.TextChoices):
        """Whether the patient or the staff made the entry."""

        PATIENT = "patient", "En ligne"
        STAFF = "staff", "Par le cabinet"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    form_ref = models.UUIDField(default=new_ref, unique=True)
    appointment_type = models.ForeignKey(
        AppointmentType, on_delete=models.PROTECT, related_name="waiting"
    )
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.PROTECT, null=True, related_name="waiting"
    )
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="waiting")
    appointment = models.OneToOneField(
        Appointment, on_delete=models.SET_NULL, null=True, related_name="waiting"
    )
    weekdays = models.SmallIntegerField(default=EVERY_DAY)
    half = models.CharField(max_length=9, choices=Half, blank=True, default=Half.ANY)
    position = models.IntegerField(default=0)
    origin = models.CharField(max_length=7, choices=EntryOrigin, default=EntryOrigin.PATIENT)
    link_hash = models.BinaryField(max_length=32, unique=True)
    # Without a constraint of the database: the key tables are dumped apart (design section 4).
    data_key = models.ForeignKey(
        DataKey, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    sealed = models.BinaryField()
    email_index = models.BinaryField(max_length=32, null=True)
    phone_index = models.BinaryField(max_length=32, null=True)
    joined_at = models.DateTimeField()
    erase_at = models.DateTimeField()

    personal_data = declare(
        subjects="patients",
        purpose="proposer un créneau plus tôt à qui l'a demandé",
        legal_basis="6.1.b",
        recipients=("cabinet", "lib-rdv", "envoi des e-mails", "envoi des SMS"),
        source="la personne",
        retention="créneau accepté, liste quittée ou 30 jours, au premier des trois",
        personal={
            "sealed": "nom, prénom, téléphone, e-mail, champs de la fiche publiée",
            "email_index": "empreinte de l'e-mail, propre au cabinet",
            "phone_index": "empreinte du téléphone, propre au cabinet",
            "link_hash": "empreinte d'un lien, le temps de l'attente",
        },
        harmless=(
            "id",
            "ref",
            "form_ref",
            "appointment_type",
            "practitioner",
            "location",
            "appointment",
            "weekdays",
            "half",
            "position",
            "origin",
            "data_key",
            "joined_at",
            "erase_at",
        ),
    )

    class Meta:
        """Ordered as the practice chose; CHECKs keep the limit of 30 days."""

        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(erase_at__lte=_after("joined_at", WAITING_LIMIT)),
                name="waiting_erased_within_promise",
            ),
            models.CheckConstraint(
                condition=Q(erase_at__gte=F("joined_at")), name="waiting_erased_after"
            ),
            models.CheckConstraint(
                condition=Q(weekdays__gte=1, weekdays__lte=EVERY_DAY), name="waiting_some_day"
            ),
        )
        indexes = (
            models.Index(fields=("erase_at",), name="waiting_erase"),
            models.Index(fields=("position", "id"), name="waiting_order"),
            models.Index(fields=("appointment_type", "location", "position"), name="waiting_match"),
            models.Index(fields=("email_index",), name="waiting_email"),
            models.Index(fields=("phone_index",), name="waiting_phone"),
        )

    def __str__(self) -> str:
        return self.ref.hex


class Offer(models.Model):
    """A freed slot, held by the row ``appointment``, offered to one person until ``expires_at``.

    Three constraints: a slot is offered to one person at a time, a person has one open offer at a time, and
    the same start of the same agenda is offered to a person once. ``entry_ref`` stays after the entry is
    deleted; it is random and identifies no person.
    """

    class OfferState(models.TextChoices):
        """All states but ``offered`` are terminal."""

        OFFERED = "offered", "Proposé"
        ACCEPTED = "accepted", "Accepté"
        REFUSED = "refused", "Refusé"
        EXPIRED = "expired", "Sans réponse"
        WITHDRAWN = "withdrawn", "Retiré"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    entry = models.ForeignKey(
        WaitingEntry, on_delete=models.SET_NULL, null=True, related_name="offers"
    )
    entry_ref = models.UUIDField()
    appointment = models.ForeignKey(
        Appointment, on_delete=models.SET_NULL, null=True, related_name="offers"
    )
    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT, related_name="offers")
    starts_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=OfferState, default=OfferState.OFFERED)
    link_hash = models.BinaryField(max_length=32, unique=True)
    offered_at = models.DateTimeField()
    opens_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="patients",
        purpose="proposer un créneau libéré à une personne à la fois",
        legal_basis="6.1.b",
        recipients=("cabinet", "lib-rdv"),
        source="le cabinet",
        retention="30 jours après la proposition, sans rien qui nomme la personne",
        personal={"link_hash": "empreinte d'un lien, le temps de la proposition"},
        harmless=(
            "id",
            "ref",
            "entry",
            "entry_ref",
            "appointment",
            "practitioner",
            "starts_at",
            "state",
            "offered_at",
            "opens_at",
            "expires_at",
            "notified_at",
            "ended_at",
        ),
    )

    class Meta:
        """The constraints of the class, and a length of the offer between 20 and 60 minutes."""

        constraints = (
            models.UniqueConstraint(
                fields=("appointment",), condition=Q(state="offered"), name="offer_one_person"
            ),
            models.UniqueConstraint(
                fields=("entry",), condition=Q(state="offered"), name="offer_one_slot"
            ),
            models.UniqueConstraint(
                fields=("entry_ref", "practitioner", "starts_at"), name="offer_never_twice"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gte=_after("opens_at", SHORTEST_OFFER))
                & Q(expires_at__lte=_after("opens_at", LONGEST_OFFER)),
                name="offer_length",
            ),
            models.CheckConstraint(
                condition=Q(state="offered", ended_at__isnull=True, entry__isnull=False)
                | (~Q(state="offered") & Q(ended_at__isnull=False)),
                name="offer_open_or_ended",
            ),
        )
        indexes = (models.Index(fields=("ended_at",), name="offer_ended"),)

    def __str__(self) -> str:
        return self.ref.hex
