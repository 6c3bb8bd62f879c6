"""The labels of the messages to patients and practitioners, by kind of outbox entry."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from booking.rules import kinds

KIND_LABELS: dict[str, str | Promise] = {
    kinds.CONFIRMATION: _("Confirmation"),
    kinds.REMINDER: _("Rappel"),
    kinds.MOVED: _("Déplacement"),
    kinds.CANCELLED_BY_PATIENT: _("Annulation par la personne"),
    kinds.CANCELLED_BY_PRACTITIONER: _("Annulation par le cabinet"),
    kinds.MANAGE_LINKS: _("Lien renvoyé"),
    kinds.CONTACT_CORRECTED: _("Correction d’adresse"),
    kinds.SLOT_FREED: _("Créneau libéré, au cabinet"),
    kinds.LATE: _("Retard annoncé, au cabinet"),
    kinds.WAITING_JOINED: _("Inscription sur la liste d’attente"),
    kinds.OFFER: _("Proposition de la liste d’attente"),
}
"""All kinds of ``kinds.LEDGER_MESSAGES``, in the order of the filter on the page."""
