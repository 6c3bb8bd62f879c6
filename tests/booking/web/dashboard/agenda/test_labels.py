"""The labels of the list of the day: what changed, and whether the person came."""

import pytest

from booking.agenda.changes import VERBS, AgendaChange
from booking.agenda.rows import Row
from booking.models import Appointment
from booking.web.dashboard.agenda.today import AppointmentLine
from tests.factories import NOW

Origin, Status = Appointment.Origin, Appointment.Status


def row(**fields: object) -> Row:
    """Return the row of an appointment that is not saved."""
    return Row(Appointment(**fields), None, None)


@pytest.mark.parametrize(
    ("verb", "is_by_person", "origin", "label"),
    [
        ("appointment.booked", True, Origin.PATIENT, "Pris en ligne"),
        ("appointment.booked", False, Origin.PATIENT, "Pris en ligne"),
        ("appointment.booked", False, Origin.STAFF, "Pris par le cabinet"),
        ("appointment.moved", True, Origin.PATIENT, "Déplacé par la personne"),
        ("appointment.moved", False, Origin.PATIENT, "Déplacé par le cabinet"),
        ("appointment.cancelled", True, Origin.STAFF, "Annulé par la personne"),
        ("appointment.cancelled", False, Origin.STAFF, "Annulé par le cabinet"),
        ("appointment.late", True, Origin.PATIENT, "Prévient d’un retard de 15 minutes"),
        ("contact.corrected", False, Origin.PATIENT, "Coordonnées corrigées"),
        ("reminder.stopped", True, Origin.PATIENT, "Ne veut pas de rappel"),
        ("erasure.asked", True, Origin.PATIENT, "Effacement demandé"),
    ],
)
def test_a_change_has_the_label_of_its_event(
    verb: str, is_by_person: bool, origin: str, label: str
) -> None:
    assert verb in VERBS
    assert AgendaChange(verb, NOW, is_by_person, row(origin=origin, late_min=15)).label == label


@pytest.mark.parametrize(
    ("status", "label"),
    [(Status.FULFILLED, "Venu(e)"), (Status.NOSHOW, "Absent(e)"), (Status.BOOKED, None)],
)
def test_a_line_says_whether_the_person_came(status: str, label: str | None) -> None:
    presence = AppointmentLine(row(status=status), NOW, NOW, "past").presence

    assert (str(presence.label) if presence else None) == label
