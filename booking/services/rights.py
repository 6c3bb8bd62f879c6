"""What a person does with their own data: have the links sent again, take a copy."""

import json
from dataclasses import fields
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from booking import french, kinds
from booking.models import Appointment, PatientContact, WaitingEntry
from booking.persons import Person
from booking.services import contacts
from booking.services.outside import calendars
from tenants.outbox.services import Due, write
from tenants.personal_data import declaration_of, personal_values

SEALED = "sealed"
"""The field of what only its key opens."""
WITHOUT_A_DOORBELL = timedelta(seconds=5)
"""The sweep finds what is due a little later; ringing for known addresses only would tell."""


def send_links(*, person: Person, now: datetime) -> int:
    """Have each coming appointment's link sent again to the address or number it was taken with.

    So is the link of each place on the waiting list. Once a day for each, however often it is asked.
    Returns how many are on their way, which no page may tell.
    """
    indexes = contacts.indexes_of(person)
    given = Q(pk__in=())
    if indexes.email is not None:
        given |= Q(email_index=indexes.email)
    if indexes.phone is not None:
        given |= Q(phone_index=indexes.phone)
    found = PatientContact.objects.filter(
        given, appointment__status=Appointment.Status.BOOKED, appointment__starts_at__gt=now
    ).values_list("appointment_id", flat=True)
    later = now + WITHOUT_A_DOORBELL
    due = [
        Due(kinds.MANAGE_LINKS, appointment_id, due_at=later, audience=f"{now:%Y%m%d}")
        for appointment_id in found
    ]
    waiting = WaitingEntry.objects.filter(given).values_list("pk", flat=True)
    due += [
        Due(kinds.WAITING_JOINED, entry_id, due_at=later, audience=f"{now:%Y%m%d}")
        for entry_id in waiting
    ]
    nobody = Due(kinds.MANAGE_LINKS, None, due_at=later)
    # Known or not, the same reads and writes: the time of the answer must not tell (security 4.7).
    with transaction.atomic():
        write(due=due or [nobody], now=now)
        transaction.set_rollback(not due)
    return len(due)


def export(
    appointment: Appointment, contact: PatientContact | None, *, zone: ZoneInfo, as_json: bool
) -> str:
    """Return everything recorded about one appointment, to read (text) or to reuse (JSON)."""
    person = contacts.open_contact(contact) if contact else None
    recorded = _recorded(appointment, contact, person, zone)
    if as_json:
        return json.dumps(recorded, ensure_ascii=False, indent=2) + "\n"
    lines = [f"{label}{french.NBSP}: {value}" for label, value in recorded.items() if value]
    return "\r\n".join([_("Ce qui est enregistré pour votre rendez-vous"), "", *lines, ""])


def _recorded(
    appointment: Appointment, contact: PatientContact | None, person: Person | None, zone: ZoneInfo
) -> dict[str, str]:
    """Say what is kept: the facts of the visit, then every field that is declared to be personal.

    An empty value was not given.
    """

    def local(moment: datetime | None) -> str:
        return moment.astimezone(zone).isoformat(timespec="minutes") if moment else ""

    elsewhere = [one.said for one in calendars(practitioner_id=appointment.practitioner_id)]
    return {
        _("Référence"): appointment.spoken_ref,
        _("Début"): local(appointment.starts_at),
        _("Fin"): local(appointment.ends_at),
        _("Avec"): appointment.practitioner.name,
        _("Lieu"): appointment.location.name,
        _("Motif"): appointment.appointment_type.label,
        _("État"): str(Appointment.Status(appointment.status).label),
        _("Pris le"): local(appointment.booked_at),
        _("Annulé le"): local(appointment.cancelled_at),
        _("Retard annoncé"): _("%(n)d min") % {"n": appointment.late_min}
        if appointment.late_min
        else "",
        _("Rappel demandé"): _("oui") if appointment.has_reminder else _("non"),
        **(_of_person(person) if person else {}),
        **_others(contact),
        **_others(appointment),
        _("Reçu aussi par"): "" if appointment.is_cancelled else " ".join(elsewhere),
        _("Effacement prévu le"): local(contact.erase_at) if contact else "",
        _("Effacé le"): local(appointment.erased_at),
    }


def _of_person(person: Person) -> dict[str, str]:
    """Walk what was sealed; KeyError for a field that nobody has named yet."""
    labels = {
        "first_name": _("Prénom"),
        "last_name": _("Nom"),
        "phone": _("Téléphone"),
        "email": _("E-mail"),
        "previous_email": _("Ancien e-mail, le temps de le prévenir"),
        "relative": _("Prénom de la personne attendue"),
    }
    typed = [field.name for field in fields(person) if field.name != "extras"]
    return {labels[name]: getattr(person, name) for name in typed} | person.extras


def _others(row: PatientContact | Appointment | None) -> dict[str, str]:
    """Walk the other declared fields of a row: bytes that nobody can read are said to be kept."""
    declared = declaration_of(type(row)) if row is not None else None
    if row is None or declared is None:
        return {}
    said: dict[str, str] = {}
    for name, value in personal_values(row).items():
        if value and name != SEALED:
            category = declared.personal[name]
            said[category[:1].upper() + category[1:]] = (
                value if isinstance(value, str) else _("conservé")
            )
    return said
