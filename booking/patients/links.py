"""Link tokens of an appointment: computed from the tenant's key, bound to a purpose, stored as hashes only."""

from django.db.models import Q

from booking.models import Appointment
from tenants.keyring import services as keyring

MANAGE = "appointment.manage"
SHORT = "appointment.short"
SHORT_BITS = 128


def manage_token(appointment: Appointment) -> str:
    """Return the 256-bit token of e-mails and of the page shown after booking."""
    return keyring.link_token(purpose=MANAGE, ref=appointment.ref, generation=0)


def short_token(appointment: Appointment) -> str:
    """Return the 128-bit token of an SMS."""
    return keyring.link_token(purpose=SHORT, ref=appointment.ref, generation=0, bits=SHORT_BITS)


def assign_links(appointment: Appointment) -> None:
    """Set the hashes by which the two tokens are found, without saving; the tokens are not stored."""
    appointment.manage_hash = keyring.token_hash(manage_token(appointment))
    appointment.short_hash = keyring.token_hash(short_token(appointment))


def find_by_token(token: str) -> Appointment | None:
    """Return the booked or cancelled appointment of a token; None when it is unknown or of another tenant."""
    digest = keyring.token_hash(token)
    return (
        Appointment.objects.select_related("practitioner", "location", "appointment_type")
        .filter(Q(manage_hash=digest) | Q(short_hash=digest))
        .exclude(status=Appointment.Status.HELD)
        .first()
    )
