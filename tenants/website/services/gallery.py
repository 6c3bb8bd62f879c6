"""Adds, describes and removes pictures of the draft; deletes a picture as soon as nothing uses it."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from tenants.audit import services as audit
from tenants.website.content import PracticeFacts
from tenants.website.models import Draft, Picture, PictureFile
from tenants.website.pictures import Encoded
from tenants.website.services import drafts


@transaction.atomic
def put_picture(
    *,
    kind: str,
    encoded: Encoded,
    described: Mapping[str, str],
    known: PracticeFacts,
    actor: str,
    now: datetime,
) -> Picture:
    """Store a picture with its rights holder and put it on the draft in place of the previous one (G-09)."""
    draft = drafts.lock_draft(known=known, now=now)
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
            media_type=file.media_type,
            digest=file.digest,
            data=file.data,
        )
        for size, file in (
            (PictureFile.Size.LARGE, encoded.large),
            (PictureFile.Size.SMALL, encoded.small),
        )
    )
    _set_picture(draft, kind, picture, now=now)
    audit.record(verb="site.picture_added", ref=picture.ref, actor=actor, now=now)
    return picture


@transaction.atomic
def describe_picture(
    *, kind: str, described: Mapping[str, str], known: PracticeFacts, actor: str, now: datetime
) -> Picture | None:
    """Change the texts of the draft's picture; the publication keeps its texts until the next publishing."""
    draft = drafts.lock_draft(known=known, now=now)
    picture: Picture | None = getattr(draft, kind)
    if picture is None:
        return None
    for name, value in described.items():
        setattr(picture, name, value)
    picture.save(update_fields=list(described))
    audit.record(verb="site.picture_described", ref=picture.ref, actor=actor, now=now)
    return picture


@transaction.atomic
def remove_picture(*, kind: str, known: PracticeFacts, actor: str, now: datetime) -> None:
    """Remove the picture from the draft; it stays on the published website until the next publishing."""
    draft = drafts.lock_draft(known=known, now=now)
    picture: Picture | None = getattr(draft, kind)
    if picture is None:
        return
    _set_picture(draft, kind, None, now=now)
    audit.record(verb="site.picture_removed", ref=picture.ref, actor=actor, now=now)


def delete_unused() -> None:
    """Delete the pictures that neither the draft nor the publication uses."""
    Picture.objects.filter(
        drafts_with_photo__isnull=True,
        drafts_with_logo__isnull=True,
        published_as_photo__isnull=True,
        published_as_logo__isnull=True,
    ).delete()


def _set_picture(draft: Draft, kind: str, picture: Picture | None, *, now: datetime) -> None:
    setattr(draft, kind, picture)
    draft.changed_at = now
    draft.save(update_fields=[kind, "changed_at"])
    delete_unused()
