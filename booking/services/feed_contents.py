"""What a feed says: the booked appointments of one agenda, in the words that its level allows (B-33).

The words are those of an event in Google Agenda at the same level. Who was erased here is a reference again.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, OuterRef, Subquery

from booking import event_body
from booking.event_body import Level
from booking.feed_file import Entry
from booking.feed_file import Feed as Said
from booking.models import Appointment, Feed
from booking.persons import Person
from booking.services.agenda import SHOWN
from booking.services.contacts import open_contacts
from booking.services.google.writing import visit_of
from booking.services.latest import last_changed_at
from tenants.keyring import services as keyring
from tenants.trail.models import Act

DAYS = 30
"""Local days before tomorrow: the bare row itself goes thirty days after the visit."""
EVENT_KEY = "feed.events"
"""Purpose of the tenant's key that computes identifiers of events: neither the patient's nor Google's."""
SETTLED = timedelta(minutes=1)
"""An act is dated when its transaction begins; after this long none can appear before one that is known."""
_VERBS = (
    "appointment.booked",
    "appointment.moved",
    "appointment.resized",
    "contact.corrected",
)


def contents(*, feed: Feed, host: str, zone: ZoneInfo, now: datetime) -> Said:
    """Return what the feed says now, by time: two queries, whatever it holds.

    ``zone`` is the practice's: at its midnight a day leaves the feed. At L0 nobody's name is even read.
    """
    appointments = _appointments(feed, since=_since(zone, now))
    level = Level(feed.level)
    persons = _persons(appointments) if level > Level.REFERENCE else {}
    key = keyring.tenant_cipher().derived(EVENT_KEY)
    entries = [
        _entry(held, persons.get(held.pk), feed, level=level, key=key, host=host)
        for held in appointments
    ]
    return Said(name=f"Rendez-vous, {feed.practitioner.name}", entries=entries)


def changed_at(*, feed: Feed, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when the feed may last have come to say something else: one query, never too early.

    None as long as it is not sure: something may still be dated before what is known.
    """
    midnight = _midnight(now.astimezone(zone).date(), zone)
    latest = last_changed_at()
    changed = max(feed.changed_at, midnight, *([latest] if latest else []))
    return changed if changed + SETTLED <= now else None


def _appointments(feed: Feed, *, since: datetime) -> list[Appointment]:
    acts = Act.objects.filter(ref=OuterRef("ref"), verb__in=_VERBS).order_by().values("ref")
    rows = Appointment.objects.select_related("location", "appointment_type")
    if feed.level > Level.REFERENCE:
        rows = rows.select_related("location", "appointment_type", "contact__data_key")
    return list(
        rows.filter(practitioner=feed.practitioner_id, status__in=SHOWN, starts_at__gte=since)
        .annotate(acted_at=Subquery(acts.annotate(last=Max("at")).values("last")))
        .order_by("starts_at", "id")
    )


def _persons(appointments: list[Appointment]) -> dict[int, Person]:
    known = [held.contact for held in appointments if hasattr(held, "contact")]
    return open_contacts(known) if known else {}


def _entry(
    held: Appointment, person: Person | None, feed: Feed, *, level: Level, key: bytes, host: str
) -> Entry:
    body = event_body.body_of(visit_of(held, person), level=level, version=0)
    stamps = (held.booked_at, held.erased_at, vars(held)["acted_at"], feed.changed_at)
    return Entry(
        uid=f"{event_body.event_id(key=key, ref=held.ref, generation=0)}@{host}",
        sequence=held.sequence,
        changed_at=max(stamp for stamp in stamps if stamp),
        starts_at=held.starts_at,
        ends_at=held.ends_at,
        zone=held.location.time_zone,
        summary=body["summary"],
        description=body["description"],
    )


def _since(zone: ZoneInfo, now: datetime) -> datetime:
    return _midnight(now.astimezone(zone).date() - timedelta(days=DAYS - 1), zone)


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), tzinfo=zone)
