"""The digest of the day: who wants it, and when each one leaves."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking import kinds
from booking.models import DigestSubscription, Location
from booking.services.deadlines import practice
from booking.services.practice import save_practice
from tenants.accounts.days import DEFAULT_ZONE
from tenants.accounts.models import User
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, settle_pending, write
from tenants.trail import services as trail

TOLERANCE = timedelta(hours=4)
"""A digest is dropped rather than sent later than this."""
PLANNED_DAYS = 2


def practice_zone() -> ZoneInfo:
    """Return the zone of the practice's first place: its digests leave on that clock."""
    first = Location.objects.filter(is_active=True).values_list("time_zone", flat=True).first()
    return ZoneInfo(first or DEFAULT_ZONE)


def wants_digest(user: User) -> bool:
    """Return whether somebody gets the digest."""
    return DigestSubscription.objects.filter(user=user).exists()


def subscribe(*, user: User, actor: str, now: datetime) -> None:
    """Send the digest to somebody from their next hour on; asking twice is asking once."""
    _row, is_new = DigestSubscription.objects.get_or_create(user=user, defaults={"since": now})
    if not is_new:
        return
    _plan([user.pk], now=now)
    trail.record(verb="digest.wanted", ref=user.ref, actor=actor, now=now)


def unsubscribe(*, user: User, actor: str, now: datetime) -> None:
    """Send no more digest to somebody, the one that is planned included."""
    gone, _by_model = DigestSubscription.objects.filter(user=user).delete()
    if not gone:
        return
    settle_pending(object_id=user.pk, kinds=[kinds.DIGEST], reason="stopped", now=now)
    trail.record(verb="digest.stopped", ref=user.ref, actor=actor, now=now)


def choose_hour(*, minute: int, actor: str, now: datetime) -> None:
    """Change the hour of every digest; what was planned leaves at the new one, or not at all if past."""
    save_practice(values={"digest_minute": minute}, actor=actor, now=now)
    zone = practice_zone()
    planned = OutboxEntry.objects.select_for_update().filter(
        kind=kinds.DIGEST, state=OutboxEntry.State.PENDING
    )
    for entry in planned:
        due_at = _wall(date.fromordinal(entry.version), minute, zone)
        entry.due_at, entry.expires_at = due_at, due_at + TOLERANCE
        if due_at <= now:
            entry.state, entry.reason = OutboxEntry.State.DROPPED, "late"
            entry.finished_at = now
        entry.save(update_fields=["due_at", "expires_at", "state", "reason", "finished_at"])


def plan(*, now: datetime) -> None:
    """Write the digests of today and tomorrow that are still to come; doing it twice writes once."""
    wanted = DigestSubscription.objects.filter(user__is_active=True)
    _plan(wanted.values_list("user_id", flat=True), now=now)


def _plan(user_ids: Iterable[int], *, now: datetime) -> None:
    ids = list(user_ids)
    if not ids:
        return
    zone, minute = practice_zone(), practice().digest_minute
    today = now.astimezone(zone).date()
    days = [today + timedelta(days=shift) for shift in range(PLANNED_DAYS)]
    instants = [(day, _wall(day, minute, zone)) for day in days]
    due = [
        Due(
            kinds.DIGEST,
            user_id,
            due_at=due_at,
            version=day.toordinal(),
            expires_at=due_at + TOLERANCE,
        )
        for user_id in ids
        for day, due_at in instants
        if due_at > now
    ]
    write(due=due, now=now)


def _wall(on: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which clocks of the practice show this minute of the day."""
    return datetime.combine(on, time(minute // 60, minute % 60), tzinfo=zone).astimezone(UTC)
