"""The rows that a practice has set up: its settings, practitioners, locations, appointment types and substitutes.

Pages, forms and services take their rows and querysets from here; ``queries`` computes the free slots of these
rows. Owns the settings of the practice: ``save_practice`` is the only service that changes them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from booking.erasure import deadlines
from booking.models import (
    Appointment,
    AppointmentType,
    ExtraField,
    Location,
    Practice,
    Practitioner,
    Replacement,
)
from booking.models.practice import CONTRACT_FIELDS
from booking.rules import kinds
from booking.rules.errors import BookingError
from booking.rules.holidays import territory_of
from tenants.accounts.days import DEFAULT_ZONE
from tenants.audit import services as audit
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write

PRIVACY_NOTICE_FIELDS = ("retention_days", "rights_contact", "name", "sms_enabled")
"""The fields of Practice in the privacy notice under the form: a new value makes a new notice version (T-1)."""
PRIVACY_PAGE_FIELDS = (
    *PRIVACY_NOTICE_FIELDS,
    "legal_name",
    "legal_form",
    "siren",
    "street",
    "postcode",
    "legal_town",
    "phone",
    "email",
    "kind",
    "reminder_minute",
    "waiting_minutes",
)
"""The fields of Practice on the privacy page: a new value makes a new date of the page (T-11)."""
METROPOLITAN = "FR"

# Each click on a slot runs these statements, and under load most clicks are refused. Written out, they take half
# the time that the ORM needs to compose them.
_ACTIVE_TYPE = "SELECT * FROM booking_appointmenttype WHERE ref = %s AND is_active"
_RECEIVING = """
SELECT p.* FROM booking_practitioner p
JOIN booking_appointmenttype_practitioners m ON m.practitioner_id = p.id
WHERE m.appointmenttype_id = %s AND p.is_active ORDER BY p.position, p.id
"""
_RECEIVING_WITH_REF = """
SELECT p.* FROM booking_practitioner p
JOIN booking_appointmenttype_practitioners m ON m.practitioner_id = p.id
WHERE m.appointmenttype_id = %s AND p.is_active AND p.ref BETWEEN %s AND %s LIMIT 2
"""
_LOCATIONS_WITH_REF = """
SELECT l.* FROM booking_location l
JOIN booking_appointmenttype_locations m ON m.location_id = l.id
WHERE m.appointmenttype_id = %s AND l.is_active AND l.ref BETWEEN %s AND %s LIMIT 2
"""
# Every form of the public site runs this statement, and few forms have extra fields. The ORM takes longer to
# compose it than PostgreSQL to answer it.
_PUBLISHED_FIELDS = """
SELECT * FROM booking_extrafield
WHERE version_id = (SELECT id FROM booking_formversion WHERE published_at IS NOT NULL
    ORDER BY number DESC LIMIT 1)
ORDER BY position, id
"""


class RetentionCannotGrow(BookingError):  # named after what happened
    """The new retention is longer than the current one: it can only be shortened (B-25)."""


def current_practice() -> Practice:
    """Return the practice of this schema: one query. Raises Practice.DoesNotExist before it is provisioned."""
    return Practice.objects.get()


def practice_or_default() -> Practice:
    """Return the practice of this schema; an unsaved one with the defaults before it is provisioned."""
    try:
        return current_practice()
    except Practice.DoesNotExist:
        return Practice()


def practice_zone() -> ZoneInfo:
    """Return the zone of the practice's first active location; dates of the whole practice are in this zone."""
    location = first_active_location()
    return ZoneInfo(location.time_zone if location else DEFAULT_ZONE)


def bump_notice_version() -> None:
    """Increase the version of the privacy notice under the form (T-1), in the transaction of the change.

    PostgreSQL adds 1 to the stored value, so that two concurrent changes make two versions.
    """
    Practice.objects.update(notice_version=F("notice_version") + 1)


def save_practice(*, values: Mapping[str, Any], actor: str, now: datetime) -> Practice:
    """Change settings or the legal identity; a new value in the privacy notice makes a new notice version.

    Raises RetentionCannotGrow. A shorter retention applies to later bookings only: the earlier ones keep the
    date that was announced to the patient. A new reminder hour applies to the pending reminders, too.
    """
    practice = Practice.objects.select_for_update().get()
    if values.get("retention_days", practice.retention_days) > practice.retention_days:
        raise RetentionCannotGrow
    before = {name: getattr(practice, name) for name in (*PRIVACY_PAGE_FIELDS, *CONTRACT_FIELDS)}
    for name, value in values.items():
        setattr(practice, name, value)
    changed = {name for name in PRIVACY_PAGE_FIELDS if getattr(practice, name) != before[name]}
    practice.save(update_fields=[*values])
    if any(getattr(practice, name) != before[name] for name in CONTRACT_FIELDS):
        state_identity(practice, now=now)
    if changed.intersection(PRIVACY_NOTICE_FIELDS):
        bump_notice_version()
        practice.refresh_from_db(fields=["notice_version"])
    if "reminder_minute" in changed:
        deadlines.shift_reminders(settings=practice, now=now)
    if changed:
        audit.record(verb="notice.changed", ref=practice.ref, actor=actor, now=now)
    audit.record(verb="practice.saved", ref=practice.ref, actor=actor, now=now)
    return practice


def state_identity(practice: Practice, *, now: datetime) -> None:
    """Let lib-rdv's staff know what the practice states of its identity: a worker carries it (G-04)."""
    second = str(int(now.timestamp()))
    stated = Due(kinds.IDENTITY_STATED, subject_of(practice), NO_PAYLOAD, now, repeat=second)
    write(due=[stated], now=now)


# --- Practitioners, locations, appointment types --------------------------------------------------


def active_practitioners() -> QuerySet[Practitioner]:
    """Return the active practitioners in the practice's order."""
    return Practitioner.objects.filter(is_active=True)


def practitioners_with_visits(*, since: datetime) -> list[Practitioner]:
    """Return the active practitioners, and the others who have a visit booked from ``since`` on: one query."""
    visits = Appointment.objects.filter(status=Appointment.Status.BOOKED, starts_at__gte=since)
    busy = Q(is_active=False) & Q(pk__in=visits.order_by().values("practitioner"))
    return list(Practitioner.objects.filter(Q(is_active=True) | busy))


def active_practitioners_and_those_of(
    appointment_type: AppointmentType | None,
) -> QuerySet[Practitioner]:
    """Return the active practitioners, and those who receive for the type already, active or not."""
    own = Q(pk__in=keys_of_receiving(appointment_type) if appointment_type else ())
    return Practitioner.objects.filter(Q(is_active=True) | own)


def active_locations_and(keys: Collection[int]) -> QuerySet[Location]:
    """Return the active locations, and those with these primary keys, active or not."""
    return Location.objects.filter(Q(is_active=True) | Q(pk__in=keys))


def active_locations_and_those_of(appointment_type: AppointmentType | None) -> QuerySet[Location]:
    """Return the active locations, and those where the type takes place already, active or not."""
    if appointment_type is None:
        return active_locations()
    return active_locations_and([*appointment_type.locations.values_list("pk", flat=True)])


def practitioners_with_keys(keys: Collection[int]) -> QuerySet[Practitioner]:
    """Return the practitioners with these primary keys, active or not."""
    return Practitioner.objects.filter(pk__in=keys)


def active_locations() -> QuerySet[Location]:
    """Return the active locations in the practice's order."""
    return Location.objects.filter(is_active=True)


def active_location(ref: str) -> Location | None:
    """Return the active location with this ref, or None; also for a text that is no ref."""
    try:
        return active_locations().filter(ref=UUID(ref)).first()
    except ValueError:
        return None


def first_active_location() -> Location | None:
    """Return the first active location, or None: a new practice has none."""
    return active_locations().first()


def active_appointment_types() -> QuerySet[AppointmentType]:
    """Return the active appointment types in the practice's order."""
    return AppointmentType.objects.filter(is_active=True)


def appointment_types_of(practitioner: Practitioner) -> QuerySet[AppointmentType]:
    """Return the active appointment types for which a practitioner receives."""
    return active_appointment_types().filter(practitioners=practitioner)


def appointment_types_of_and(
    practitioner: Practitioner, keys: Collection[int]
) -> QuerySet[AppointmentType]:
    """Return the same as ``appointment_types_of``, and the types with these primary keys, active or not."""
    own = AppointmentType.objects.filter(practitioners=practitioner, is_active=True).values("pk")
    return AppointmentType.objects.filter(Q(pk__in=own) | Q(pk__in=keys))


def appointment_types_of_any(practitioners: Collection[Practitioner]) -> QuerySet[AppointmentType]:
    """Return the active appointment types for which at least one of these practitioners receives."""
    return active_appointment_types().filter(practitioners__in=practitioners).distinct()


def appointment_types_with_keys(keys: Collection[int]) -> QuerySet[AppointmentType]:
    """Return the appointment types with these primary keys, active or not."""
    return AppointmentType.objects.filter(pk__in=keys)


def online_appointment_types(
    practitioner: Practitioner, location: Location | None
) -> list[AppointmentType]:
    """Return the types that can be booked online with a practitioner at a location."""
    return list(_online().filter(practitioners=practitioner, locations=location))


def first_online_appointment_type(practitioner: Practitioner | None) -> AppointmentType | None:
    """Return the first type that can be booked online with a practitioner, or None."""
    return _online().filter(practitioners=practitioner).first()


def bookable_appointment_types() -> list[AppointmentType]:
    """Return the types that can be booked online with an active practitioner at an active location.

    Three queries: practitioners and locations are prefetched.
    """
    return [
        appointment_type
        for appointment_type in _online().prefetch_related("practitioners", "locations")
        if any(practitioner.is_active for practitioner in appointment_type.practitioners.all())
        and any(location.is_active for location in appointment_type.locations.all())
    ]


def first_location_of(appointment_type: AppointmentType) -> Location | None:
    """Return the first active location of an appointment type, or None."""
    return appointment_type.locations.filter(is_active=True).first()


def is_given_by(appointment_type: AppointmentType, practitioner: Practitioner) -> bool:
    """Return whether the practitioner receives for the appointment type: one query."""
    return appointment_type.practitioners.filter(pk=practitioner.pk).exists()


def is_given_at(appointment_type: AppointmentType, location: Location) -> bool:
    """Return whether the appointment type takes place at the location: one query."""
    return appointment_type.locations.filter(pk=location.pk).exists()


def keys_of_receiving(appointment_type: AppointmentType) -> set[int]:
    """Return the primary keys of the practitioners who receive for the type, active or not."""
    return set(appointment_type.practitioners.values_list("pk", flat=True))


def practitioners_by_first_type(
    practitioners: Iterable[Practitioner],
) -> dict[AppointmentType, list[int]]:
    """Return the keys of practitioners by the first active type for which each receives: one query."""
    pairs = active_appointment_types().filter(practitioners__in=list(practitioners))
    groups: dict[AppointmentType, list[int]] = defaultdict(list)
    assigned: set[int] = set()
    for appointment_type in pairs.annotate(practitioner_key=F("practitioners")):
        key = appointment_type.practitioner_key
        if key not in assigned:
            assigned.add(key)
            groups[appointment_type].append(key)
    return groups


def only_refs(rows: QuerySet[Practitioner] | QuerySet[Location]) -> list[UUID]:
    """Return the ref of the only row, or an empty list when there is none or more than one."""
    refs = list(rows.values_list("ref", flat=True)[:2])
    return refs if len(refs) == 1 else []


def active_location_kinds() -> set[str]:
    """Return the kinds of the active locations."""
    return set(active_locations().values_list("kind", flat=True))


def practitioners_receiving(appointment_type: AppointmentType) -> list[Practitioner]:
    """Return the active practitioners who receive for the type, in the practice's order: one query."""
    return list(Practitioner.objects.raw(_RECEIVING, [appointment_type.pk]))


def rows_of_slot(
    *, type_ref: UUID, practitioner_refs: tuple[UUID, UUID], location_refs: tuple[UUID, UUID]
) -> tuple[AppointmentType, Practitioner, Location] | None:
    """Return the active rows that a slot button names, or None unless each is exactly one row.

    The button shortens the refs of the practitioner and the location: each is given as the first and the last
    ref with that prefix.
    One query when the appointment type is unknown, else three.
    """
    types = list(AppointmentType.objects.raw(_ACTIVE_TYPE, [type_ref]))
    if not types:
        return None
    key = types[0].pk
    practitioners = list(Practitioner.objects.raw(_RECEIVING_WITH_REF, [key, *practitioner_refs]))
    locations = list(Location.objects.raw(_LOCATIONS_WITH_REF, [key, *location_refs]))
    if len(practitioners) != 1 or len(locations) != 1:
        return None
    return types[0], practitioners[0], locations[0]


def _online() -> QuerySet[AppointmentType]:
    return active_appointment_types().filter(channel=AppointmentType.BookableBy.ONLINE)


def region_of(place: Location | None) -> str:
    """Return the ISO code of the region of a place, by its territory or its postcode; without one, "FR".

    A territory that differs only by its public holidays (Alsace-Moselle) returns "FR": phone numbers are the same.
    """
    if place is None:
        return METROPOLITAN
    territory = place.territory or territory_of(place.postcode)
    return territory if territory.isalpha() else METROPOLITAN


def published_fields() -> list[ExtraField]:
    """Return the extra fields of the newest published FormVersion, none of an older one (B-03): one query."""
    return list(ExtraField.objects.raw(_PUBLISHED_FIELDS))


# --- Substitutes ----------------------------------------------------------------------------------


class SubstitutePeriod(NamedTuple):
    """The substitute of a practitioner on the local dates ``from_on`` to ``to_on``, both included."""

    from_on: date
    to_on: date
    name: str


def substitute_among(periods: Iterable[SubstitutePeriod], on: date) -> str:
    """Return the name of the substitute of one local date, or "".

    A constraint allows one replacement of a practitioner at a time: at most one period contains the date.
    """
    return next((period.name for period in periods if period.from_on <= on <= period.to_on), "")


def substitute_on(practitioner_id: int, on: date) -> str:
    """Return the name of the substitute of a practitioner on a local date, or "": one query."""
    rows = Replacement.objects.filter(
        practitioner=practitioner_id, from_on__lte=on, to_on__gte=on
    ).values_list("from_on", "to_on", "substitute_name")
    return substitute_among((SubstitutePeriod(*row) for row in rows), on)


def substitute_of(appointment: Appointment) -> str:
    """Return the name of the substitute of an appointment's practitioner, on the date of its place."""
    zone = ZoneInfo(appointment.location.time_zone)
    return substitute_on(appointment.practitioner_id, appointment.starts_at.astimezone(zone).date())
