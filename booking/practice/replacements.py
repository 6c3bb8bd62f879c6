"""Replacements of a practitioner: announced to patients by name; the access ends with the dates (B-15)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from booking.models import Practitioner, Replacement
from booking.rules.errors import BookingError
from tenants.accounts.models import Role, User
from tenants.accounts.services import opened_access
from tenants.accounts.services.invitations import Invited, invite
from tenants.audit import services as audit


class AlreadyReplaced(BookingError):  # named after what happened
    """The practitioner already has a replacement on one of these days."""


@dataclass(frozen=True)
class Announced:
    """A replacement to announce, both local dates included; with an e-mail address the substitute is invited."""

    practitioner: Practitioner
    substitute_name: str
    from_on: date
    to_on: date
    email: str = ""


@transaction.atomic
def add(*, announced: Announced, by: User, actor: str, now: datetime) -> Replacement:
    """Create a Replacement and invite the substitute.

    Raises AlreadyReplaced when the days overlap another one, and MessageLimitError.
    """
    replacement = Replacement(
        practitioner=announced.practitioner,
        substitute_name=announced.substitute_name,
        from_on=announced.from_on,
        to_on=announced.to_on,
        opened_by=by,
    )
    try:
        with transaction.atomic():
            replacement.save(force_insert=True)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23P01":
            raise
        raise AlreadyReplaced from None
    audit.record(verb="replacement.added", ref=replacement.ref, actor=actor, now=now)
    if announced.email:
        invited = Invited(
            email=announced.email,
            role=Role.REPLACEMENT,
            name=announced.substitute_name,
            from_on=announced.from_on,
            until_on=announced.to_on,
            practitioner_ref=announced.practitioner.ref,
        )
        invite(invited=invited, invited_by=by, actor=actor, now=now)
    return replacement


def with_practitioner() -> QuerySet[Replacement]:
    """Return the replacements, each with its practitioner."""
    return Replacement.objects.select_related("practitioner")


def ending_from(day: date) -> QuerySet[Replacement]:
    """Return the replacements whose last local day is ``day`` or later."""
    return with_practitioner().filter(to_on__gte=day)


def remove(*, replacement: Replacement, actor: str, on: date, now: datetime) -> None:
    """Delete a Replacement; the access or the invitation of the substitute, opened with it, ends too."""
    opened_access.end_replacement(
        practitioner_ref=replacement.practitioner.ref,
        dates=(replacement.from_on, replacement.to_on),
        actor=actor,
        on=on,
        now=now,
    )
    _delete(replacement, actor=actor, now=now)


def announced_by(user: User, *, on: date) -> QuerySet[Replacement]:
    """Return the replacements that ``user`` announced and that are not over on that local day."""
    return ending_from(on).filter(opened_by=user)


def end_announced(user: User, *, actor: str, on: date, now: datetime) -> int:
    """End the replacements that ``user`` announced: those to come are deleted, a present one ends on that day."""
    announced = list(announced_by(user, on=on))
    for replacement in announced:
        if replacement.from_on > on:
            _delete(replacement, actor=actor, now=now)
        else:
            replacement.to_on, replacement.opened_by = on, None
            replacement.save(update_fields=["to_on", "opened_by"])
            audit.record(verb="replacement.ended", ref=replacement.ref, actor=actor, now=now)
    return len(announced)


def announcers(*, on: date) -> set[int]:
    """Return the keys of the users who announced a replacement that is not over on that local day."""
    found = ending_from(on).filter(opened_by__isnull=False).order_by()
    return set(found.values_list("opened_by_id", flat=True))


def _delete(replacement: Replacement, *, actor: str, now: datetime) -> None:
    ref = replacement.ref
    replacement.delete()
    audit.record(verb="replacement.removed", ref=ref, actor=actor, now=now)
