"""One request for each operation of the table of rights: what a page sends to do it, and what it leaves.

The only place that maps an operation to requests. An operation without a sample fails the test that
tries every cell; one that no page offers yet stands in ``NO_PAGE_YET`` and fails as soon as one does.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.urls import reverse

from booking.models import Appointment, GoogleAccount, Practitioner
from tenants.accounts.permissions import Operation
from tests.factories import NOW, Cabinet, make_appointment, make_link

DAY = "2026-11-13"
T = TypeVar("T")


@dataclass(frozen=True)
class RightsDataset:
    """A practice of two agendas. The requests bear on the first one, and on an appointment in it."""

    cabinet: Cabinet
    agenda: Practitioner
    appointment: Appointment

    @classmethod
    def of(cls, cabinet: Cabinet) -> "RightsDataset":
        """Return the dataset around a practice of one practitioner."""
        booked = make_appointment(cabinet, NOW + timedelta(days=2))
        return cls(cabinet=cabinet, agenda=cabinet.practitioner, appointment=booked)


@dataclass(frozen=True)
class Sample:
    """A request. ``data`` None: a GET. ``leaves``: the verb of the act in the audit trail when it was done."""

    route: str
    refs: Callable[[RightsDataset], list[Any]] = lambda _dataset: []
    data: Callable[[RightsDataset], Mapping[str, Any]] | None = None
    leaves: str = ""
    query: Callable[[RightsDataset], Mapping[str, Any]] = lambda _dataset: {}

    def address(self, dataset: RightsDataset) -> str:
        """Return the address of the page."""
        return reverse(
            f"dashboard:{self.route}", args=self.refs(dataset), query=self.query(dataset) or None
        )


def undone(action: Callable[..., T], *arguments: Any) -> T:
    """Return what an act has returned, and leave the practice as it was before."""
    with transaction.atomic():
        done = action(*arguments)
        transaction.set_rollback(True)
    return done


def _appointment(dataset: RightsDataset) -> list[uuid.UUID]:
    return [dataset.appointment.ref]


def _agenda(dataset: RightsDataset) -> list[uuid.UUID]:
    return [dataset.agenda.ref]


def _linked(dataset: RightsDataset) -> list[uuid.UUID]:
    if not GoogleAccount.objects.filter(practitioner=dataset.agenda).exists():
        make_link(dataset.agenda)
    return [dataset.agenda.ref]


def _slot(dataset: RightsDataset, **fields: Any) -> dict[str, Any]:
    return {
        "practitioner": dataset.agenda.ref,
        "appointment_type": dataset.cabinet.type.ref,
        "place": dataset.cabinet.location.ref,
        "day": DAY,
        "hour": "15h",
        **fields,
    }


def _booking(dataset: RightsDataset) -> dict[str, Any]:
    person = {"name": "Lou Échantillon", "contact": "06 39 98 01 04"}
    return _slot(dataset, form_ref=uuid.uuid4(), **person)


def _week(dataset: RightsDataset) -> dict[str, Any]:
    return {"place": dataset.cabinet.location.ref, "every": "1", "d5r0a": "9", "d5r0b": "12"}


def _absence(dataset: RightsDataset) -> dict[str, Any]:
    return {"practitioner": dataset.agenda.ref, "from_on": DAY, "to_on": DAY}


def _replacement(dataset: RightsDataset) -> dict[str, Any]:
    return {
        "practitioner": dataset.agenda.ref,
        "substitute_name": "Paul Factice",
        "from_on": "2026-12-07",
        "to_on": "2026-12-09",
    }


def _appointment_type(dataset: RightsDataset) -> dict[str, Any]:
    return {
        "label": "Suivi",
        "duration_min": "30",
        "buffer_before_min": "0",
        "buffer_after_min": "10",
        "min_notice_min": "60",
        "horizon_days": "60",
        "cancel_hours": "24",
        "channel": "online",
        "practitioners": [dataset.agenda.ref],
        "locations": [dataset.cabinet.location.ref],
    }


def _practice(dataset: RightsDataset) -> dict[str, Any]:
    practice = dataset.cabinet.practice
    return {
        "name": practice.name,
        "kind": practice.kind,
        "reminder_minute": "18 h",
        "max_open_bookings": "3",
        "waiting_minutes": "30",
        "sms_budget": "300",
        "rights_contact": "librdv",
    }


def _feed(dataset: RightsDataset) -> dict[str, Any]:
    return {"action": "save", f"f{dataset.agenda.ref.hex[:8]}-level": "0"}


_PHONE = {"phone": "06 39 98 01 05", "email": ""}
_PLACE = {"name": "Annexe", "kind": "office", "time_zone": "Europe/Paris", "territory": ""}
_COLLEAGUE = {"name": "Nadia Témoin", "email": "nadia@example.org", "role": "secretary"}
_SHORTER = {"retention_days": "180", "confirmed": "on"}
_WORDS = {"text": "Merci de venir cinq minutes plus tôt."}
_PERIOD = {"du": "2026-10-01", "au": "2026-11-01"}
_OFFICE = {"street": "1 rue du Phare", "postcode": "64210", "town": "Bidart"}

SAMPLES: Mapping[Operation, tuple[Sample, ...]] = {
    Operation.SEE_AGENDA: (Sample("appointment", _appointment),),
    Operation.BOOK: (Sample("book", data=_booking, leaves="appointment.booked"),),
    Operation.MOVE: (Sample("move", _appointment, _slot, "appointment.moved"),),
    Operation.CANCEL: (
        Sample("cancel", _appointment, lambda _: {"reason": "practice"}, "appointment.cancelled"),
    ),
    Operation.MARK: (
        Sample("mark", _appointment, lambda _: {"mark": "came"}, "appointment.fulfilled"),
    ),
    Operation.SEE_CONTACT: (
        Sample("correct", _appointment, lambda _: _PHONE, "contact.corrected"),
        Sample("erase", _appointment, lambda _: {}, "erasure.asked"),
    ),
    Operation.BLOCK_TIME: (Sample("absence_add", data=_absence, leaves="absence.added"),),
    Operation.EDIT_HOURS: (Sample("week_add", _agenda, _week, "hours.changed"),),
    Operation.EDIT_REPLACEMENTS: (
        Sample("replacement_add", data=_replacement, leaves="replacement.added"),
    ),
    Operation.CONNECT_CALENDAR: (
        Sample("google_disconnect", _linked),
        Sample("google_resync", _linked, lambda _: {}, "calendar.resynced"),
        Sample("feed_change", _agenda, _feed, "feed.opened"),
    ),
    Operation.EDIT_APPOINTMENT_TYPES: (
        Sample("appointment_type_add", data=_appointment_type, leaves="appointment_type.saved"),
    ),
    Operation.EDIT_PLACES: (
        Sample("place_add", data=lambda _: {**_PLACE, **_OFFICE}, leaves="place.saved"),
    ),
    Operation.EDIT_PRACTICE: (
        Sample("practice", data=_practice, leaves="practice.saved"),
        Sample("privacy", data=lambda _: _SHORTER, leaves="practice.saved"),
        Sample("place_address", data=lambda _: {}),
    ),
    Operation.EDIT_SITE: (
        Sample("site_card", _agenda, lambda _: {"profession": "osteopathe"}, "site.card_saved"),
    ),
    Operation.EDIT_MESSAGES: (
        Sample("text", lambda _: ["reminder"], lambda _: _WORDS, "message.text.reminder"),
    ),
    Operation.SEE_STATISTICS: (
        Sample("statistics", query=lambda dataset: {"qui": dataset.agenda.ref, **_PERIOD}),
        Sample("statistics_table", query=lambda dataset: {"qui": dataset.agenda.ref, **_PERIOD}),
    ),
    Operation.EDIT_TEAM: (
        Sample("team"),
        Sample("invite", data=lambda _: _COLLEAGUE, leaves="invitation.sent"),
    ),
    Operation.SEE_SUBSCRIPTION: (Sample("subscription"),),
}
NO_PAGE_YET = frozenset({Operation.EXPORT, Operation.MANAGE_KEYS})
