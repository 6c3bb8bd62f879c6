"""Contents of a feed: the booked appointments of one agenda, in the words of its level (B-33).

The words are those of an event in Google Calendar at the same level. An erased person appears as a reference.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, OuterRef, Subquery

from booking.agenda.history import last_changed_at
from booking.agenda.rows import SHOWN
from booking.formats.feed_file import Entry, FeedFile
from booking.google.push import visit_of
from booking.models import Appointment, Feed
from booking.patients.contacts import open_contacts
from booking.rules import event_body
from booking.rules.erasure import Level
from booking.rules.persons import Person
from tenants.audit.models import AuditEvent
from tenants.keyring import services as keyring

DAYS = 30
"""Local days shown, today included: the row of an appointment is deleted thirty days after the visit."""
EVENT_KEY = "feed.events"
"""Purpose under which the tenant's key computes identifiers of events; other ones than in e-mails and Google."""
COMMIT_DELAY = timedelta(minutes=1)
"""Longest time between the instant of an audit event, the begin of its transaction, and its commit."""
_VERBS = (
    "appointment.booked",
    "appointment.moved",
    "appointment.resized",
    "contact.corrected",
)


def contents(*, feed: Feed, host: str, zone: ZoneInfo, now: datetime) -> FeedFile:
    """Return the feed with its entries by time; two queries for any number of appointments.

    ``zone`` is the practice's: at its midnight the oldest day leaves the feed. At L0 no contact is read.
    """
    appointments = _appointments(feed, since=_since(zone, now))
    level = Level(feed.level)
    persons = _persons(appointments) if level > Level.REFERENCE else {}
    key = keyring.tenant_cipher().derived(EVENT_KEY)
    entries = [
        _entry(appointment, persons.get(appointment.pk), feed, level=level, key=key, host=host)
        for appointment in appointments
    ]
    return FeedFile(name=f"Rendez-vous, {feed.practitioner.name}", entries=entries)


def changed_at(*, feed: Feed, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return an instant since which the contents have not changed, in one query.

    None within ``COMMIT_DELAY`` of the last change: a transaction with an earlier instant may still commit.
    """
    midnight = _midnight(now.astimezone(zone).date(), zone)
    latest = last_changed_at()
    changed = max(feed.changed_at, midnight, *([latest] if latest else []))
    return changed if changed + COMMIT_DELAY <= now else None


def _appointments(feed: Feed, *, since: datetime) -> list[Appointment]:
    events = (
        AuditEvent.objects.filter(ref=OuterRef("ref"), verb__in=_VERBS).order_by().values("ref")
    )
    rows = Appointment.objects.select_related("location", "appointment_type")
    if feed.level > Level.REFERENCE:
        rows = rows.select_related("location", "appointment_type", "contact__data_key")
    return list(
        rows.filter(practitioner=feed.practitioner_id, status__in=SHOWN, starts_at__gte=since)
        .annotate(acted_at=Subquery(events.annotate(last=Max("at")).values("last")))
        .order_by("starts_at", "id")
    )


def _persons(appointments: list[Appointment]) -> dict[int, Person]:
    known = [appointment.contact for appointment in appointments if hasattr(appointment, "contact")]
    return open_contacts(known) if known else {}


def _entry(
    appointment: Appointment,
    person: Person | None,
    feed: Feed,
    *,
    level: Level,
    key: bytes,
    host: str,
) -> Entry:
    body = event_body.body_of(visit_of(appointment, person), level=level, version=0)
    stamps = (
        appointment.booked_at,
        appointment.erased_at,
        vars(appointment)["acted_at"],
        feed.changed_at,
    )
    return Entry(
        uid=f"{event_body.event_id(key=key, ref=appointment.ref, generation=0)}@{host}",
        sequence=appointment.sequence,
        changed_at=max(stamp for stamp in stamps if stamp),
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        zone=appointment.location.time_zone,
        summary=body["summary"],
        description=body["description"],
    )


def _since(zone: ZoneInfo, now: datetime) -> datetime:
    return _midnight(now.astimezone(zone).date() - timedelta(days=DAYS - 1), zone)


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), tzinfo=zone)
