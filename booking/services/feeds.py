"""The read-only feed of one agenda: opening it, what it may say, another address, closing it (B-33).

Its address is a secret that is computed and never stored: whoever has it reads. A new address ends the
old one at once.
"""

from datetime import datetime

from django.db.models import F

from booking.event_body import Level
from booking.models import Feed, Practice, Practitioner
from booking.services.google.choices import NotInstructed
from tenants.keyring import services as keyring
from tenants.trail import services as trail

PURPOSE = "practitioner.feed"


def open_feed(
    *, practitioner: Practitioner, level: Level, is_instructed: bool, actor: str, now: datetime
) -> Feed:
    """Open the feed of an agenda, or change the one that is open already. Raises NotInstructed."""
    _check(level, is_instructed=is_instructed)
    feed = feed_of(practitioner)
    if feed is not None:
        return change_level(
            feed=feed, level=level, is_instructed=is_instructed, actor=actor, now=now
        )
    feed = Feed(practitioner=practitioner, level=level.value, created_at=now, changed_at=now)
    feed.token_hash = keyring.token_hash(token_of(feed))
    feed.save(force_insert=True)
    trail.record(verb="feed.opened", ref=feed.ref, actor=actor, now=now)
    _note_level(feed, actor=actor, now=now)
    return feed


def change_level(
    *, feed: Feed, level: Level, is_instructed: bool, actor: str, now: datetime
) -> Feed:
    """Change how much the events say, at the same address. Raises NotInstructed."""
    _check(level, is_instructed=is_instructed)
    if feed.level == level.value:
        return feed
    feed.level, feed.changed_at = level.value, now
    feed.save(update_fields=["level", "changed_at"])
    trail.record(verb="feed.changed", ref=feed.ref, actor=actor, now=now)
    _note_level(feed, actor=actor, now=now)
    return feed


def renew(*, feed: Feed, actor: str, now: datetime) -> Feed:
    """Give the feed another address: the one that was known opens nothing any more."""
    feed.generation, feed.changed_at = feed.generation + 1, now
    feed.token_hash = keyring.token_hash(token_of(feed))
    feed.save(update_fields=["generation", "token_hash", "changed_at"])
    trail.record(verb="feed.changed", ref=feed.ref, actor=actor, now=now)
    return feed


def close(*, feed: Feed, actor: str, now: datetime) -> None:
    """Close the feed: nothing of it stays."""
    ref, level = feed.ref, feed.level
    feed.delete()
    trail.record(verb="feed.revoked", ref=ref, actor=actor, now=now)
    if level:
        _note_in_notice()


def feed_of(practitioner: Practitioner) -> Feed | None:
    """Return the feed of an agenda, or None."""
    return Feed.objects.filter(practitioner=practitioner).first()


def token_of(feed: Feed) -> str:
    """Return the secret of the address as it is now."""
    return keyring.link_token(purpose=PURPOSE, ref=feed.ref, generation=feed.generation)


def find(token: str) -> Feed | None:
    """Return the feed of an address; None when it is unknown, ended, or its agenda receives no more."""
    return (
        Feed.objects.select_related("practitioner")
        .filter(token_hash=keyring.token_hash(token), practitioner__is_active=True)
        .first()
    )


def _check(level: Level, *, is_instructed: bool) -> None:
    # No contract of ours covers whoever reads a feed: names are always the client's own instruction.
    if level is Level.NAMED and not is_instructed:
        raise NotInstructed


def _note_level(feed: Feed, *, actor: str, now: datetime) -> None:
    """Patients read at once who receives what (T-1); names are an instruction, and are recorded as one."""
    _note_in_notice()
    if feed.level == Level.NAMED:
        trail.record(verb="feed.instructed", ref=feed.ref, actor=actor, now=now)


def _note_in_notice() -> None:
    Practice.objects.update(notice_version=F("notice_version") + 1)
