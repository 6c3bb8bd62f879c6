"""Pictures: taken in, described, taken away. A picture that no page uses is deleted in the same act."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from tenants.trail import services as trail
from tenants.website.content import Known
from tenants.website.models import Draft, Picture, PictureFile
from tenants.website.pictures import Encoded
from tenants.website.services import editing


@transaction.atomic
def put_picture(
    *,
    kind: str,
    encoded: Encoded,
    described: Mapping[str, str],
    known: Known,
    actor: str,
    now: datetime,
) -> Picture:
    """Put a picture on the draft in the place of the one that is there (G-09: with its rights holder)."""
    draft = editing.lock_draft(known=known, now=now)
    picture = Picture.objects.create(
        kind=kind,
        width=encoded.large.width,
        height=encoded.large.height,
        small_width=encoded.small.width,
        small_height=encoded.small.height,
        added_at=now,
        **described,
    )
    PictureFile.objects.bulk_create(
        PictureFile(
            picture=picture,
            size=size,
            media_type=one.media_type,
            digest=one.digest,
            data=one.data,
        )
        for size, one in (
            (PictureFile.Size.LARGE, encoded.large),
            (PictureFile.Size.SMALL, encoded.small),
        )
    )
    _place(draft, kind, picture, now=now)
    trail.record(verb="site.picture_added", ref=picture.ref, actor=actor, now=now)
    return picture


@transaction.atomic
def describe_picture(
    *, kind: str, described: Mapping[str, str], known: Known, actor: str, now: datetime
) -> Picture | None:
    """Change what is said of the draft's picture; what is published keeps its words until it is replaced."""
    draft = editing.lock_draft(known=known, now=now)
    picture: Picture | None = getattr(draft, kind)
    if picture is None:
        return None
    for name, value in described.items():
        setattr(picture, name, value)
    picture.save(update_fields=list(described))
    trail.record(verb="site.picture_described", ref=picture.ref, actor=actor, now=now)
    return picture


@transaction.atomic
def remove_picture(*, kind: str, known: Known, actor: str, now: datetime) -> None:
    """Take the picture off the draft; patients still see it until the pages are published again."""
    draft = editing.lock_draft(known=known, now=now)
    picture: Picture | None = getattr(draft, kind)
    if picture is None:
        return
    _place(draft, kind, None, now=now)
    trail.record(verb="site.picture_removed", ref=picture.ref, actor=actor, now=now)


def forget_unused() -> None:
    """Delete the pictures that neither the draft nor the published pages show."""
    Picture.objects.filter(
        drafts_with_photo__isnull=True,
        drafts_with_logo__isnull=True,
        published_as_photo__isnull=True,
        published_as_logo__isnull=True,
    ).delete()


def _place(draft: Draft, kind: str, picture: Picture | None, *, now: datetime) -> None:
    setattr(draft, kind, picture)
    draft.changed_at = now
    draft.save(update_fields=[kind, "changed_at"])
    forget_unused()
