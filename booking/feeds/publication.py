"""The read-only feed of one agenda: creation, level, address, deletion (B-33).

The address holds a secret that is computed and never stored; everyone with the address can read the feed. A new
address invalidates the former one at once.
"""

from collections.abc import Collection
from datetime import datetime

from booking.google.choices import NotInstructed
from booking.models import Feed, Practitioner
from booking.rules.erasure import Level
from booking.scheduling.catalogue import bump_notice_version
from tenants.audit import services as audit
from tenants.keyring import services as keyring

PURPOSE = "practitioner.feed"


def open_feed(
    *, practitioner: Practitioner, level: Level, is_instructed: bool, actor: str, now: datetime
) -> Feed:
    """Create the feed of an agenda, or change the level of the existing one. Raises NotInstructed."""
    _check(level, is_instructed=is_instructed)
    feed = feed_of(practitioner)
    if feed is not None:
        return change_level(
            feed=feed, level=level, is_instructed=is_instructed, actor=actor, now=now
        )
    feed = Feed(practitioner=practitioner, level=level.value, created_at=now, changed_at=now)
    feed.token_hash = keyring.token_hash(token_of(feed))
    feed.save(force_insert=True)
    audit.record(verb="feed.opened", ref=feed.ref, actor=actor, now=now)
    _note_level(feed, actor=actor, now=now)
    return feed


def change_level(
    *, feed: Feed, level: Level, is_instructed: bool, actor: str, now: datetime
) -> Feed:
    """Change the level of the feed at the same address. Raises NotInstructed."""
    _check(level, is_instructed=is_instructed)
    if feed.level == level.value:
        return feed
    feed.level, feed.changed_at = level.value, now
    feed.save(update_fields=["level", "changed_at"])
    audit.record(verb="feed.changed", ref=feed.ref, actor=actor, now=now)
    _note_level(feed, actor=actor, now=now)
    return feed


def renew(*, feed: Feed, actor: str, now: datetime) -> Feed:
    """Give the feed another address; the former address becomes invalid."""
    feed.generation, feed.changed_at = feed.generation + 1, now
    feed.token_hash = keyring.token_hash(token_of(feed))
    feed.save(update_fields=["generation", "token_hash", "changed_at"])
    audit.record(verb="feed.changed", ref=feed.ref, actor=actor, now=now)
    return feed


def close(*, feed: Feed, actor: str, now: datetime) -> None:
    """Delete the feed."""
    ref, level = feed.ref, feed.level
    feed.delete()
    audit.record(verb="feed.revoked", ref=ref, actor=actor, now=now)
    if level:
        bump_notice_version()


def feed_of(practitioner: Practitioner) -> Feed | None:
    """Return the feed of an agenda, or None."""
    return Feed.objects.filter(practitioner=practitioner).first()


def feeds_of(practitioners: Collection[Practitioner]) -> dict[int, Feed]:
    """Return the feeds of these practitioners by the key of the practitioner, in one query."""
    feeds = Feed.objects.filter(practitioner__in=practitioners)
    return {feed.practitioner_id: feed for feed in feeds}


def token_of(feed: Feed) -> str:
    """Return the secret part of the current address."""
    return keyring.link_token(purpose=PURPOSE, ref=feed.ref, generation=feed.generation)


def find(token: str) -> Feed | None:
    """Return the feed of an address; None for an unknown or former address, or an inactive practitioner."""
    return (
        Feed.objects.select_related("practitioner")
        .filter(token_hash=keyring.token_hash(token), practitioner__is_active=True)
        .first()
    )


def _check(level: Level, *, is_instructed: bool) -> None:
    # No contract of lib-rdv covers the readers of a feed, so names always need an instruction of the client.
    if level is Level.NAMED and not is_instructed:
        raise NotInstructed


def _note_level(feed: Feed, *, actor: str, now: datetime) -> None:
    """Create a new version of the privacy notice (T-1), and record the instruction of names."""
    bump_notice_version()
    if feed.level == Level.NAMED:
        audit.record(verb="feed.instructed", ref=feed.ref, actor=actor, now=now)
