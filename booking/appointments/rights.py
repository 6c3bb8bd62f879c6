"""The rights of a person on their data: links sent again, and a copy of the stored data."""

import json
import secrets
from dataclasses import fields
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from booking.formats import french
from booking.models import Appointment, PatientContact, WaitingEntry
from booking.patients import contacts
from booking.patients.external_calendar import calendars
from booking.patients.form_versions import labelled_answers
from booking.rules import kinds
from booking.rules.persons import Person
from tenants.outbox.kinds import OutboxKind, Subject
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload
from tenants.outbox.services import Due, subject_by_key, write
from tenants.personal_data import declaration_of, personal_values

SEALED = "sealed"
"""The name of the encrypted field."""
NOT_ENQUEUED_AT_ONCE = timedelta(seconds=5)
"""The sweep finds what is due a little later. Messages to the broker for known addresses only would tell which
ones are known.
"""


def send_links(*, person: Person, now: datetime) -> int:
    """Send the link of each coming appointment and waiting entry again to its own address or number.

    Each link is sent once a day at most. Returns the number of messages; a page must not show it.
    """
    indexes = contacts.indexes_of(person)
    given = Q(pk__in=())
    if indexes.email is not None:
        given |= Q(email_index__in=contacts.indexes_of_spellings(person.email))
    if indexes.phone is not None:
        given |= Q(phone_index=indexes.phone)
    found = PatientContact.objects.filter(
        given, appointment__status=Appointment.Status.BOOKED, appointment__starts_at__gt=now
    ).values_list("appointment_id", "email_index", "phone_index")
    waiting = WaitingEntry.objects.filter(given).values_list("pk", "email_index", "phone_index")
    due = [
        *(_again(kinds.MANAGE_LINKS, Appointment, row, now=now) for row in found),
        *(_again(kinds.WAITING_JOINED, WaitingEntry, row, now=now) for row in waiting),
    ]
    # A unique key, so that two requests at once do not wait for each other.
    unique = secrets.token_hex(8)
    unknown = Due(
        kinds.MANAGE_LINKS,
        Subject(kinds.APPOINTMENT, 0),
        NO_PAYLOAD,
        now + NOT_ENQUEUED_AT_ONCE,
        repeat=unique,
        recipient=contacts.recipient_of(email=indexes.email, phone=indexes.phone),
    )
    # The same reads and writes for an unknown address, so that the time of the answer does not reveal it
    # (security 4.7).
    with transaction.atomic():
        write(due=due or [unknown], now=now)
        transaction.set_rollback(not due)
    return len(due)


def _again(
    kind: OutboxKind[NoPayload],
    model: type[Appointment | WaitingEntry],
    row: tuple[int, bytes | memoryview | None, bytes | memoryview | None],
    *,
    now: datetime,
) -> Due[NoPayload]:
    """Return the entry that sends a link again today, to the contact of a row: key, e-mail index, phone index."""
    key, email, phone = row
    return Due(
        kind,
        subject_by_key(model, key),
        NO_PAYLOAD,
        now + NOT_ENQUEUED_AT_ONCE,
        repeat=f"{now:%Y%m%d}",
        recipient=contacts.recipient_of(email=email, phone=phone),
    )


def export(
    appointment: Appointment, contact: PatientContact | None, *, zone: ZoneInfo, as_json: bool
) -> str:
    """Return all stored data about one appointment as text, or as JSON for reuse (Art. 15 and 20 GDPR)."""
    person = contacts.open_contact(contact) if contact else None
    recorded = _recorded(appointment, contact, person, zone)
    if as_json:
        return json.dumps(recorded, ensure_ascii=False, indent=2) + "\n"
    lines = [f"{label}{french.NBSP}: {value}" for label, value in recorded.items() if value]
    return "\r\n".join([_("Ce qui est enregistré pour votre rendez-vous"), "", *lines, ""])


def _recorded(
    appointment: Appointment, contact: PatientContact | None, person: Person | None, zone: ZoneInfo
) -> dict[str, str]:
    """Return label and value of each stored datum: the visit, then all fields declared as personal data.

    A value that was not given is empty.
    """

    def local(moment: datetime | None) -> str:
        return moment.astimezone(zone).isoformat(timespec="minutes") if moment else ""

    elsewhere = [
        calendar.sentence for calendar in calendars(practitioner_id=appointment.practitioner_id)
    ]
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
    """Return the sealed fields by label. Raises KeyError for a field without a label."""
    labels = {
        "first_name": _("Prénom"),
        "last_name": _("Nom"),
        "phone": _("Téléphone"),
        "email": _("E-mail"),
        "previous_email": _("Ancien e-mail, le temps de le prévenir"),
        "relative": _("Prénom de la personne attendue"),
    }
    typed = [field.name for field in fields(person) if field.name != "extras"]
    return {labels[name]: getattr(person, name) for name in typed} | labelled_answers(person)


def _others(row: PatientContact | Appointment | None) -> dict[str, str]:
    """Return the other personal fields of a row by category; for bytes the value is "conservé"."""
    declared = declaration_of(type(row)) if row is not None else None
    if row is None or declared is None:
        return {}
    values: dict[str, str] = {}
    for name, value in personal_values(row).items():
        if value and name != SEALED:
            category = declared.personal[name]
            values[category[:1].upper() + category[1:]] = (
                value if isinstance(value, str) else _("conservé")
            )
    return values
