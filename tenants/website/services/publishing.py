"""Publishing replaces the pages whole; taking them off leaves the draft."""

from datetime import datetime

from django.db import transaction

from tenants.accounts.models import User
from tenants.trail import services as trail
from tenants.website import queries
from tenants.website.content import Known
from tenants.website.errors import CannotPublish, EditedMeanwhile
from tenants.website.models import Publication
from tenants.website.services import editing, gallery


@transaction.atomic
def publish(
    *, known: Known, by: User | None, seen: str | None, actor: str, now: datetime
) -> Publication:
    """Show patients what the draft says now, all of it at once.

    Raises CannotPublish when there is nothing new, a mandatory mention is missing (E-33), or the texts
    are too long together; EditedMeanwhile when the draft is no longer the one that was ``seen`` (None:
    whatever it says). Two who publish at once come one after the other: both hold the draft's lock.
    """
    editing.lock_draft(known=known, now=now)
    workshop = queries.workshop(known)
    if seen is not None and seen != workshop.content.fingerprint:
        raise EditedMeanwhile
    if not workshop.is_publishable:
        raise CannotPublish
    draft = workshop.draft
    publication, _created = Publication.objects.update_or_create(
        only=True,
        defaults={
            "document": workshop.content.to_json(),
            "photo": draft.photo,
            "logo": draft.logo,
            "published_at": now,
            "published_by": by,
        },
    )
    gallery.forget_unused()
    trail.record(verb="site.published", ref=publication.ref, actor=actor, now=now)
    return publication


@transaction.atomic
def unpublish(*, known: Known, actor: str, now: datetime) -> bool:
    """Take the pages off: patients see slots, address and hours only. Returns whether there were any."""
    editing.lock_draft(known=known, now=now)
    publication = Publication.objects.first()
    if publication is None:
        return False
    ref = publication.ref
    publication.delete()
    gallery.forget_unused()
    trail.record(verb="site.unpublished", ref=ref, actor=actor, now=now)
    return True
