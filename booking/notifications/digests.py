"""The digest of the day: its subscriptions and its outbox entries."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking.models import DigestSubscription
from booking.rules import kinds
from booking.scheduling.catalogue import current_practice, practice_zone, save_practice
from tenants.accounts.models import User
from tenants.audit import services as audit
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, cancel_pending, subject_by_key, write

TOLERANCE = timedelta(hours=4)
"""A digest that is later than this is not sent."""
PLANNED_DAYS = 2


def wants_digest(user: User) -> bool:
    """Return whether a user subscribes to the digest."""
    return DigestSubscription.objects.filter(user=user).exists()


def subscribe(*, user: User, actor: str, now: datetime) -> None:
    """Subscribe a user to the digest from its next hour on; a second call changes nothing."""
    _row, is_new = DigestSubscription.objects.get_or_create(user=user, defaults={"since": now})
    if not is_new:
        return
    _plan([user.pk], now=now)
    audit.record(verb="digest.wanted", ref=user.ref, actor=actor, now=now)


def unsubscribe(*, user: User, actor: str, now: datetime) -> None:
    """Delete the subscription of a user and cancel the planned digests."""
    gone, _by_model = DigestSubscription.objects.filter(user=user).delete()
    if not gone:
        return
    cancel_pending(subject_ids=[user.pk], kinds=[kinds.DIGEST], reason="stopped", now=now)
    audit.record(verb="digest.stopped", ref=user.ref, actor=actor, now=now)


def choose_hour(*, minute: int, actor: str, now: datetime) -> None:
    """Change the hour of all digests; planned ones move to it and are not sent when it is past."""
    save_practice(values={"digest_minute": minute}, actor=actor, now=now)
    zone = practice_zone()
    planned = OutboxEntry.objects.select_for_update().filter(
        kind=kinds.DIGEST, state=OutboxEntry.EntryState.PENDING
    )
    for entry in planned:
        due_at = _instant(kinds.DIGEST.read(entry.payload).on, minute, zone)
        entry.due_at, entry.expires_at = due_at, due_at + TOLERANCE
        if due_at <= now:
            entry.state, entry.reason = OutboxEntry.EntryState.NOT_SENT, "late"
            entry.finished_at = now
        entry.save(update_fields=["due_at", "expires_at", "state", "reason", "finished_at"])


def plan(*, now: datetime) -> None:
    """Write the coming digests of today and tomorrow to the outbox; a second call writes nothing."""
    subscriptions = DigestSubscription.objects.filter(user__is_active=True)
    _plan(subscriptions.values_list("user_id", flat=True), now=now)


def _plan(user_ids: Iterable[int], *, now: datetime) -> None:
    ids = list(user_ids)
    if not ids:
        return
    zone, minute = practice_zone(), current_practice().digest_minute
    today = now.astimezone(zone).date()
    days = [today + timedelta(days=shift) for shift in range(PLANNED_DAYS)]
    instants = [(day, _instant(day, minute, zone)) for day in days]
    due = [
        Due(
            kinds.DIGEST,
            subject_by_key(User, user_id),
            kinds.DigestDay(day),
            due_at=due_at,
            expires_at=due_at + TOLERANCE,
        )
        for user_id in ids
        for day, due_at in instants
        if due_at > now
    ]
    write(due=due, now=now)


def _instant(on: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a minute of a local day of the practice."""
    return datetime.combine(on, time(minute // 60, minute % 60), tzinfo=zone).astimezone(UTC)
