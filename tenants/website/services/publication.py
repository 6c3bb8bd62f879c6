"""Publishes the draft as a whole, and unpublishes the website."""

from datetime import datetime

from django.db import transaction

from tenants.accounts.models import User
from tenants.audit import services as audit
from tenants.website import queries
from tenants.website.content import PracticeFacts
from tenants.website.errors import CannotPublish, EditedMeanwhile
from tenants.website.models import Publication
from tenants.website.services import drafts, gallery


@transaction.atomic
def publish(
    *, known: PracticeFacts, by: User | None, seen: str | None, actor: str, now: datetime
) -> Publication:
    """Replace the publication by the content of the draft.

    Raises CannotPublish when there is no change, a mandatory mention is missing (E-33), or the texts are too
    long. Raises EditedMeanwhile when the draft's fingerprint differs from ``seen``; None skips this check. The
    draft's lock serialises concurrent calls.
    """
    drafts.lock_draft(known=known, now=now)
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
    gallery.delete_unused()
    audit.record(verb="site.published", ref=publication.ref, actor=actor, now=now)
    return publication


@transaction.atomic
def unpublish(*, known: PracticeFacts, actor: str, now: datetime) -> bool:
    """Delete the publication: patients then see slots, address and hours only. Return whether there was one."""
    drafts.lock_draft(known=known, now=now)
    publication = Publication.objects.first()
    if publication is None:
        return False
    ref = publication.ref
    publication.delete()
    gallery.delete_unused()
    audit.record(verb="site.unpublished", ref=ref, actor=actor, now=now)
    return True
